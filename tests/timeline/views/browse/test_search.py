"""The search page."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from timeline.models import Visibility
from timeline.selectors import search

pytestmark = pytest.mark.django_db


def test_it_works(client, make_tagged_moment):
    moment = make_tagged_moment(
        "1969-07-20", "moon", title="The Eagle has landed", story="Grey dust."
    )
    page = client.get("/search/", {"q": "eagle dust"})
    assert page.status_code == 200
    assert moment.get_absolute_url() in page.text
    assert "The <mark>Eagle</mark> has landed" in page.text
    assert "<mark>dust</mark>" in page.text
    assert 'value="eagle dust"' in page.text
    assert 'content="noindex"' in page.text


def test_page_without_a_query_is_a_form(client):
    page = client.get("/search/")
    assert page.status_code == 200
    assert "noindex" not in page.text
    assert 'type="search"' in page.text
    assert "No public moment" not in page.text


def test_empty_result_is_explained(client):
    assert "No public moment has these words." in client.get("/search/?q=nothing").text


def test_page_takes_few_queries(client, make_tagged_moment, django_assert_max_num_queries):
    for minute in range(30):
        make_tagged_moment(f"1969-07-20T20:{minute:02}:00Z", "moon", title="Eagle")
    with django_assert_max_num_queries(6):
        assert client.get("/search/?q=eagle").text.count("<mark>") == 20


def test_since_and_until_are_whole_days(client, make_moment):
    for day in (19, 20, 21):
        make_moment(f"1969-07-{day}T12:00:00Z", title=f"Eagle {day}")
    page = client.get("/search/?q=eagle&since=1969-07-20&until=1969-07-20").text
    assert re.findall(r"</mark> (\d+)", page) == ["20"]


@pytest.mark.parametrize(
    "query",
    ["q=", "q=-moon", "q=a&since=yesterday", "q=a&until=0000-01-01", "q=a&since=2000-01-02&until=1999-01-01",
     "q=" + "x" * 300, "q=a&before=x", "q=a&past=1~x", "q=a&past=x~2000-01-01", "q=a&since=10000-01-01"],
)  # fmt: skip
def test_invalid_search_is_400(client, query):
    response = client.get(f"/search/?{query}")
    assert response.status_code == 400
    assert "<h1" in response.text


def test_links_lead_through_all_results(client, make_moment, monkeypatch):
    """Edge case 18."""
    monkeypatch.setattr(search, "MAX_RANKED", 25)
    for day in range(1, 32):
        make_moment(f"1969-07-{day:02}", title=f"Eagle number-{day}-")
    address, seen = "/search/?q=eagle", []
    while address:
        page = client.get(address).text
        seen += re.findall(r"number-(\d+)-", re.sub(r'href="[^"]*number[^"]*"', "", page))
        match = re.search(r'rel="next" href="([^"]+)"', page)
        address = f"/search/{match[1].replace('&amp;', '&')}" if match else ""
    assert sorted(map(int, seen)) == list(range(1, 32))


def test_results_are_not_cached(client):
    """There are as many pages as queries; they would displace pages that many visitors request."""
    assert client.get("/search/?q=eagle")["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_hidden_moments_do_not_change_the_page(client, make_moment, visibility):
    """Edge case 15: the page is the same, byte for byte."""
    before = client.get("/search/?q=canary").content
    make_moment("1969-07-20", title="Canary", visibility=visibility)
    assert client.get("/search/?q=canary").content == before


def test_query_is_escaped(client):
    """Edge case 22."""
    page = client.get("/search/", {"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page


def test_unusual_cursors_cause_no_error():
    client = Client()
    for past in ("nan~2000-01-01", "inf~2000-01-01", "-1e300~2000-01-01"):
        assert client.get(f"/search/?q=a&past={past}").status_code in (200, 400)
