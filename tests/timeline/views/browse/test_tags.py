"""Tags."""

from __future__ import annotations

import pytest

from timeline.models import Visibility
from timeline.selectors import moments


def test_it_works(client, tagged):
    tagged("2020-01-01", "moon", title="One")
    tagged("2020-01-02", "moon", title="Two")
    tagged("2020-01-03", "sun", title="Three")
    page = client.get("/tags/moon/").text
    assert page.index("Two") < page.index("One")
    assert "Three" not in page


def test_the_list_of_tags(client, tagged):
    tagged("2020-01-01", "moon", "apollo")
    page = client.get("/tags/").text
    assert page.index("/tags/apollo/") < page.index("/tags/moon/")


def test_the_list_is_paged_by_name(client, tagged, monkeypatch):
    monkeypatch.setattr(moments, "TAGS_PAGE_SIZE", 2)
    tagged("2020-01-01", "a", "b", "c")
    page = client.get("/tags/").text
    assert "/tags/c/" not in page
    assert 'href="?after=b"' in page
    following = client.get("/tags/?after=b").text
    assert "/tags/c/" in following
    assert "/tags/b/" not in following


def test_a_tag_only_hidden_moments_carry_is_404(client, tagged):
    """Edge case 15."""
    tagged("2020-01-01", "canary", visibility=Visibility.UNLISTED)
    hidden, missing = client.get("/tags/canary/"), client.get("/tags/absent/")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.text.replace("canary", "absent") == missing.text
    assert "canary" not in client.get("/tags/").text


@pytest.mark.parametrize("url", ["/tags/a b/", "/tags/" + "a" * 3000 + "/", "/tags/Ⅳ/"])
def test_what_is_no_tag_is_404(client, db, url):
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("after", ["%00", "%EF%BF%BD%07", "é", "a" * 3000])
def test_a_strange_place_in_the_list_is_no_error(client, db, after):
    """Whatever the place, it is 200 or 400: é sorts behind all tags."""
    assert client.get(f"/tags/?after={after}").status_code == (200 if after == "é" else 400)


def test_before_there_are_any_and_behind_the_last(client, db):
    assert "carries a tag yet" in client.get("/tags/").text
    assert "Back to the first" in client.get("/tags/?after=zebra").text
