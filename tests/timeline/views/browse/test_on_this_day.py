"""The pages of a day in any year."""

from __future__ import annotations

import pytest
from django.utils import timezone


def test_it_works(client, make_moment):
    make_moment("1969-07-20T20:17:40Z", title="Landing")
    make_moment("1976-07-20T11:53:06Z", title="Viking")
    make_moment("1969-07-21", title="Next day")
    page = client.get("/today/07-20/").text
    assert page.index("Viking") < page.index("Landing")
    assert "Next day" not in page
    assert 'href="/today/07-19/"' in page
    assert 'href="/today/07-21/"' in page


def test_today_is_the_current_date_in_utc(client, db):
    now = timezone.now()
    page = client.get("/today/").text
    assert f"<h1>{now.day} {now:%B}</h1>" in page


@pytest.mark.parametrize(
    ("url", "previous", "following"),
    [("/today/02-29/", "/today/02-28/", "/today/03-01/"),
     ("/today/01-01/", "/today/12-31/", "/today/01-02/"),
     ("/today/12-31/", "/today/12-30/", "/today/01-01/")],
)  # fmt: skip
def test_first_and_last_day_of_the_year_are_neighbours(client, db, url, previous, following):
    page = client.get(url).text
    assert f'rel="prev" href="{previous}"' in page
    assert f'rel="next" href="{following}"' in page


@pytest.mark.parametrize("url", ["/today/02-30/", "/today/00-10/", "/today/13-01/", "/today/7-20/"])
def test_nonexistent_day_is_404(client, db, url):
    assert client.get(url).status_code == 404
