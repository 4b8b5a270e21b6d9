"""The list of the whole timeline, newest first."""

from __future__ import annotations

import re

import pytest

from timeline.selectors.pagination import PAGE_SIZE


def get_links(page, rel):
    return re.findall(rf'rel="{rel}" href="([^"]+)"', page)


def test_it_works(client, make_moment):
    make_moment("1969-07-20", title="Older")
    make_moment("1970-01-01", title="Newer")
    page = client.get("/timeline/").text
    assert page.index("Newer") < page.index("Older")
    assert not get_links(page, "next")
    assert not get_links(page, "prev")


def test_pager_links_lead_there_and_back(client, make_moment):
    total = PAGE_SIZE + 7
    for n in range(total):
        make_moment(f"2020-01-{1 + n // 24:02}T{n % 24:02}:00:00Z", title=f"Number {n:03}")
    first = client.get("/timeline/").text
    assert first.count('class="moment"') == PAGE_SIZE
    (older,) = get_links(first, "next")
    assert older == "?before=2020-01-01T07:00:00Z"
    second = client.get(f"/timeline/{older}").text
    assert re.findall(r"Number (\d+)", second) == [f"{n:03}" for n in range(6, -1, -1)]
    (newer,) = get_links(second, "prev")
    back = client.get(f"/timeline/{newer}").text
    assert re.findall(r"Number (\d+)", back) == re.findall(r"Number (\d+)", first)


def test_empty_page_links_back(client, make_moment):
    make_moment("1969-07-20")
    page = client.get("/timeline/?before=0001-01-02").text
    assert "nothing more in this direction" in page


def test_date_redirects_to_its_day(client, db):
    response = client.get("/timeline/?date=1969-07-20")
    assert (response.status_code, response["Location"]) == (302, "/timeline/1969/07/20/")


@pytest.mark.parametrize(
    "query",
    ["before=x", "before=", "after=0000-01-01", "before=0001-01-01", "after=9999-12-31T00:00:01Z",
     "before=9999-12-31T23:59:60Z", "date=1969-02-30",
     "date=0001-01-01", "date=9999-12-31", "before=1969-07-20&after=1969-07-20",
     "before=1969-07-20&before=1970-07-20", "before=%00", "after=%ff%fe", "before=" + "9" * 3000],
)  # fmt: skip
def test_bad_input_is_explained_with_400(client, db, query):
    """Edge case 6 and edge case 18."""
    response = client.get(f"/timeline/?{query}")
    assert response.status_code == 400
    assert "This request is not valid" in response.text
    assert "“" in response.text or "%00" in query


def test_unknown_parameters_are_ignored(client, make_moment):
    make_moment("1969-07-20", title="Here")
    response = client.get("/timeline/?utm_source=x&page=2")
    assert response.status_code == 200
    assert "Here" in response.text


def test_title_is_escaped(client, make_moment):
    """Edge case 19 and edge case 22."""
    make_moment("1969-07-20", title="<script>alert(1)</script> \u202eevil")
    page = client.get("/timeline/").text
    assert "<script>alert" not in page
    assert "<bdi>&lt;script&gt;" in page


def test_signed_in_user_gets_a_link_to_their_moments(client, owner):
    assert ">mine<" not in client.get("/timeline/").text
    client.force_login(owner)
    assert '<a href="/@ada/">mine</a>' in client.get("/timeline/").text
