"""Sitemaps: an index of periods, and the moments of each."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from django.urls import resolve

from timeline.core.spans import format_instant
from timeline.models import Status, Visibility
from timeline.selectors import feeds

XML = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
SITE = "http://127.0.0.1:8000"


def get_locations(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "application/xml; charset=utf-8"
    return [
        location.text.removeprefix(SITE)
        for location in ET.fromstring(response.content).iter(f"{XML}loc")
    ]


def test_it_works(client, make_moment):
    moment = make_moment("1969-07-20T20:17:40Z", title="The Eagle has landed")
    index = client.get("/sitemap.xml")
    assert get_locations(index) == ["/sitemap-pages.xml", "/sitemap-century-20.xml"]
    response = client.get("/sitemap-century-20.xml")
    assert get_locations(response) == [moment.get_absolute_url()]
    (changed,) = ET.fromstring(response.content).iter(f"{XML}lastmod")
    assert changed.text == format_instant(moment.changed_at)


def test_all_urls_are_pages(client, make_tagged_moment):
    make_tagged_moment("1969-07-20", "moon")
    pages = get_locations(client.get("/sitemap-pages.xml"))
    assert "/tags/moon/" in pages
    for path in pages:
        assert client.get(path).status_code == 200


@pytest.fixture
def crowded_timeline(make_moment):
    """Create moments in two centuries, most of them in a single hour."""
    return [
        make_moment(start)
        for start in (
            "1820-01-01", "1901-01-01", "1969-01-01", "1969-07-01", "1969-07-20T01:00:00Z",
            "1969-07-20T20:00:00Z", "1969-07-20T20:10:00Z", "1969-07-20T20:20:00Z",
        )
    ]  # fmt: skip


def test_period_with_too_many_moments_is_replaced_by_its_children(
    client, crowded_timeline, monkeypatch
):
    monkeypatch.setattr(feeds, "SITEMAP_SIZE", 2)
    _, *files = get_locations(client.get("/sitemap.xml"))
    assert files == [
        "/sitemap-century-19.xml", "/sitemap-1901.xml", "/sitemap-1969-01.xml",
        "/sitemap-1969-07-01.xml", "/sitemap-1969-07-20-01.xml", "/sitemap-1969-07-20-20.xml",
    ]  # fmt: skip
    found = [url for file in files for url in get_locations(client.get(file))]
    assert found == [moment.get_absolute_url() for moment in crowded_timeline]


def test_moment_is_in_the_sitemap_of_the_period_it_starts_in(client, make_moment, monkeypatch):
    monkeypatch.setattr(feeds, "SITEMAP_SIZE", 1)
    around_midnight = make_moment("1969-12-31T23:59:00Z", seconds=7200)
    other = make_moment("1970-06-01")
    _, first, second = get_locations(client.get("/sitemap.xml"))
    assert get_locations(client.get(first)) == [around_midnight.get_absolute_url()]
    assert get_locations(client.get(second)) == [other.get_absolute_url()]


def test_hidden_moments_are_not_in_the_sitemap(client, hidden_moments, make_moment, owner):
    """Edge case 15: a period that only has hidden moments has no sitemap in the index."""
    make_moment("1800-01-01", status=Status.REVOKED, visibility=Visibility.PUBLIC)
    for _ in range(2):
        assert get_locations(client.get("/sitemap.xml")) == ["/sitemap-pages.xml"]
        assert get_locations(client.get("/sitemap-1970.xml")) == []
        assert "/tags/moon/" not in get_locations(client.get("/sitemap-pages.xml"))
        client.force_login(owner)


def test_ends_of_the_timeline(client, make_moment):
    """Edge case 6."""
    first, last = make_moment("0001-01-02"), make_moment("9999-12-30T23:59:59Z", seconds=1)
    for period in ("century-1", "0001", "0001-01", "0001-01-02", "0001-01-02-00"):
        assert get_locations(client.get(f"/sitemap-{period}.xml")) == [first.get_absolute_url()]
    for period in ("century-100", "9999", "9999-12", "9999-12-30", "9999-12-30-23"):
        assert get_locations(client.get(f"/sitemap-{period}.xml")) == [last.get_absolute_url()]


@pytest.mark.parametrize(
    "period", ["0000", "1969-13", "1969-02-30", "9999-12-31", "1969-07-20-24", "century-0", "x"]
)
def test_nonexistent_period_is_404(client, db, period):
    assert client.get(f"/sitemap-{period}.xml").status_code == 404


@pytest.mark.parametrize("path", ["/sitemap.xml", "/sitemap-pages.xml", "/sitemap-1969.xml"])
def test_unchanged_sitemap_is_304(client, make_moment, path):
    make_moment("1969-07-20")
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304


def test_sitemaps_take_few_queries(client, crowded_timeline, django_assert_max_num_queries):
    for path, most in (("/sitemap.xml", 1), ("/sitemap-pages.xml", 1), ("/sitemap-1969.xml", 1)):
        assert resolve(path)
        with django_assert_max_num_queries(most):
            client.get(path)
