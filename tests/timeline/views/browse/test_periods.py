"""Century, year, month, day and hour pages."""

from __future__ import annotations

import re

import pytest

from tests.support.text import collapse_whitespace
from timeline.models import Visibility
from timeline.selectors.pagination import PAGE_SIZE

PAGES = [
    ("/timeline/centuries/20/", "20th century", "/timeline/centuries/19/", "/timeline/centuries/21/"),
    ("/timeline/1969/", "1969", "/timeline/1968/", "/timeline/1970/"),
    ("/timeline/1969/07/", "July 1969", "/timeline/1969/06/", "/timeline/1969/08/"),
    ("/timeline/1969/07/20/", "20 July 1969", "/timeline/1969/07/19/", "/timeline/1969/07/21/"),
    ("/timeline/1969/07/20/20/", "20 July 1969, 20:00–20:59", "/timeline/1969/07/20/19/",
     "/timeline/1969/07/20/21/"),
]  # fmt: skip


def get_heading(page):
    return re.search(r"<h1>(.*?)</h1>", page).group(1)


@pytest.mark.parametrize(("url", "name", "previous", "following"), PAGES)
def test_it_works(client, make_moment, url, name, previous, following):
    make_moment("1969-07-20T20:17:40Z", title="The Eagle has landed")
    response = client.get(url)
    assert response.status_code == 200
    page = response.text
    assert get_heading(page) == name
    assert f'rel="prev" href="{previous}"' in page
    assert f'rel="next" href="{following}"' in page
    assert "The Eagle has landed" in page
    assert "1 public moment begins here" in collapse_whitespace(page)


def test_list_of_centuries(client, make_moment):
    make_moment("1969-07-20")
    page = collapse_whitespace(client.get("/timeline/centuries/").text)
    assert page.count('class="cell ') == 100
    cell = re.search(r'class="cell [^"]*" href="/timeline/centuries/20/">(.*?)</a>', page).group(1)
    assert (
        collapse_whitespace(re.sub("<[^>]+>", "", cell))
        == "20th century 1 moment begins, less than 0.01 % claimed"
    )


@pytest.mark.parametrize(
    ("url", "parts"),
    [("/timeline/centuries/20/", 100), ("/timeline/centuries/100/", 99), ("/timeline/1969/", 12),
     ("/timeline/1969/02/", 28), ("/timeline/2000/02/", 29), ("/timeline/1969/07/20/", 24),
     ("/timeline/0001/01/", 30), ("/timeline/9999/12/", 30)],
)  # fmt: skip
def test_every_child_is_a_link(client, db, url, parts):
    page = client.get(url).text
    cells = re.findall(r'class="cell [^"]*" href="([^"]+)"', page)
    assert len(cells) == len(set(cells)) == parts
    for cell in (cells[0], cells[-1]):
        assert client.get(cell).status_code == 200


def test_month_starts_on_its_weekday(client, db):
    assert 'cells-month offset-1"' in client.get("/timeline/1969/07/").text  # a Tuesday
    assert 'cells-month"' in client.get("/timeline/2024/01/").text  # a Monday


def test_only_public_moments_are_counted(client, make_moment):
    """Edge case 15."""
    make_moment("1969-07-20T10:00:00Z")
    make_moment("1969-07-20T11:00:00Z", visibility=Visibility.PRIVATE)
    page = client.get("/timeline/1969/07/20/").text
    assert "1 public moment begins here" in collapse_whitespace(page)
    assert page.count('class="moment"') == 1


def test_claimed_share_is_shown(client, make_moment):
    make_moment("1969-07-20", 43_200)
    assert "Of its seconds, 50 % are claimed" in collapse_whitespace(
        client.get("/timeline/1969/07/20/").text
    )
    assert "Of its seconds, less than 0.01 % are" in collapse_whitespace(
        client.get("/timeline/centuries/20/").text
    )
    assert "Of its seconds, nothing is claimed" in collapse_whitespace(
        client.get("/timeline/1970/").text
    )


def test_moment_over_midnight_is_on_both_days(client, make_moment):
    make_moment("1969-07-20T23:30:00Z", 3600, title="Over midnight")
    assert "Over midnight" in client.get("/timeline/1969/07/20/").text
    following = client.get("/timeline/1969/07/21/").text
    assert "Over midnight" in following
    assert "No public moments begin here" in collapse_whitespace(following)


def test_full_period_is_paginated_by_key(client, make_moment):
    for n in range(PAGE_SIZE + 1):
        make_moment(f"1969-07-20T10:{n:02}:00Z", title=f"Number {n:03}")
    page = client.get("/timeline/1969/").text
    (later,) = re.findall(r'rel="next" href="(\?[^"]+)"', page)
    assert later == "?after=1969-07-20T10:49:00Z"
    assert re.findall(r"Number (\d+)", client.get(f"/timeline/1969/{later}").text) == ["050"]


@pytest.mark.parametrize(
    ("url", "words"),
    [("/timeline/0001/", "The timeline begins here"), ("/timeline/9999/", "The timeline ends here"),
     ("/timeline/0001/01/02/", "The timeline begins here"),
     ("/timeline/9999/12/30/23/", "The timeline ends here"),
     ("/timeline/centuries/1/", "The timeline begins here"),
     ("/timeline/centuries/100/", "The timeline ends here")],
)  # fmt: skip
def test_ends_of_the_timeline(client, make_moment, url, words):
    """Edge case 6."""
    make_moment("0001-01-02", 86_400)
    make_moment("9999-12-30", 86_400)
    response = client.get(url)
    assert response.status_code == 200
    assert words in response.text
    assert 'class="moment"' in response.text


@pytest.mark.parametrize(
    "url",
    ["/timeline/0000/", "/timeline/10000/", "/timeline/969/", "/timeline/1969/13/", "/timeline/1969/00/",
     "/timeline/1969/7/", "/timeline/1969/02/29/", "/timeline/1900/02/29/", "/timeline/1969/07/00/",
     "/timeline/1969/07/20/24/", "/timeline/0001/01/01/", "/timeline/9999/12/31/",
     "/timeline/centuries/0/", "/timeline/centuries/0020/", "/timeline/centuries/101/",
     "/timeline/centuries/99999999999999999999/",
     "/timeline/١٩٦٩/", "/timeline/-001/"],
)  # fmt: skip
def test_nonexistent_period_is_404(client, db, url):
    """Edge case 6."""
    response = client.get(url)
    assert response.status_code == 404
    assert "Nothing here" in response.text


def test_empty_page_links_back(client, make_moment):
    make_moment("1969-07-20")
    page = client.get("/timeline/1969/?after=1970-01-01").text
    assert "There is nothing more in this direction." in page
    assert '<a href="/timeline/1969/">Back' in page
    assert "Nothing public happens here yet." in client.get("/timeline/1968/").text


def test_each_page_of_a_list_is_its_own_canonical_page(client, db):
    page = client.get("/timeline/1969/?after=1969-07-20&utm=x").text
    assert 'rel="canonical" href="http://127.0.0.1:8000/timeline/1969/?after=1969-07-20"' in page


def test_bad_cursor_is_400(client, db):
    assert client.get("/timeline/1969/?after=never").status_code == 400
