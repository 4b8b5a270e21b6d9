"""The list of tags, and the page of a tag."""

from __future__ import annotations

import pytest

from timeline.models import Visibility
from timeline.selectors import moments


def test_it_works(client, make_tagged_moment):
    make_tagged_moment("2020-01-01", "moon", title="One")
    make_tagged_moment("2020-01-02", "moon", title="Two")
    make_tagged_moment("2020-01-03", "sun", title="Three")
    page = client.get("/tags/moon/").text
    assert page.index("Two") < page.index("One")
    assert "Three" not in page


def test_tags_are_listed_by_name(client, make_tagged_moment):
    make_tagged_moment("2020-01-01", "moon", "apollo")
    page = client.get("/tags/").text
    assert page.index("/tags/apollo/") < page.index("/tags/moon/")


def test_list_is_paginated_by_name(client, make_tagged_moment, monkeypatch):
    monkeypatch.setattr(moments, "TAGS_PAGE_SIZE", 2)
    make_tagged_moment("2020-01-01", "a", "b", "c")
    page = client.get("/tags/").text
    assert "/tags/c/" not in page
    assert 'href="?after=b"' in page
    following = client.get("/tags/?after=b").text
    assert "/tags/c/" in following
    assert "/tags/b/" not in following


def test_tag_of_hidden_moments_only_is_404(client, make_tagged_moment):
    """Edge case 15."""
    make_tagged_moment("2020-01-01", "canary", visibility=Visibility.UNLISTED)
    hidden, missing = client.get("/tags/canary/"), client.get("/tags/absent/")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace("canary", "absent") == missing.text
    assert "canary" not in client.get("/tags/").text


@pytest.mark.parametrize("url", ["/tags/a b/", "/tags/" + "a" * 3000 + "/", "/tags/Ⅳ/"])
def test_invalid_tag_is_404(client, db, url):
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("after", ["%00", "%EF%BF%BD%07", "é", "a" * 3000])
def test_unusual_cursor_causes_no_error(client, db, after):
    """It is 400 or, as for é, which sorts after all tags, an empty page."""
    assert client.get(f"/tags/?after={after}").status_code == (200 if after == "é" else 400)


def test_list_without_tags_and_page_after_the_last_tag(client, db):
    assert "carries a tag yet" in client.get("/tags/").text
    assert "Back to the first" in client.get("/tags/?after=zebra").text
