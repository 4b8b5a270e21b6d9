"""Atom feeds."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree as ET

import pytest
from django.utils import timezone

from tests.timeline.views.feeds.conftest import HOSTILE
from timeline.models import Moment, Visibility
from timeline.services import transitions

ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = ["/feed.atom", "/tags/moon/feed.atom", "/@ada/feed.atom"]
SITE = "http://127.0.0.1:8000"


def get_entries(response):
    assert response.status_code == 200
    return ET.fromstring(response.content).findall(f"{ATOM}entry")


def get_titles(response):
    return [entry.findtext(f"{ATOM}title") for entry in get_entries(response)]


def set_published(moment, days_ago):
    then = timezone.now() - dt.timedelta(days=days_ago)
    Moment.objects.filter(pk=moment.pk).update(status_changed_at=then, updated_at=then)


@pytest.mark.parametrize("path", FEEDS)
def test_it_works(client, make_tagged_moment, path):
    moment = make_tagged_moment(
        "1969-07-20T20:17:40Z", "moon", title="The Eagle has landed", story="One.\n\nTwo.",
        place="Sea of Tranquility",
    )  # fmt: skip
    response = client.get(path)
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    feed = ET.fromstring(response.content)
    assert feed.find(f"{ATOM}link[@rel='self']").get("href") == f"{SITE}{path}"
    assert feed.findtext(f"{ATOM}id") == f"{SITE}{path}"
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "The Eagle has landed (20 July 1969)"
    assert entry.find(f"{ATOM}link").get("href") == f"{SITE}{moment.get_absolute_url()}"
    assert entry.findtext(f"{ATOM}id") == f"{SITE}/moments/{moment.public_id}/"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Ada"
    assert entry.find(f"{ATOM}category").get("term") == "moon"
    summary = entry.findtext(f"{ATOM}summary")
    assert "20 July 1969, 20:17:40 UTC" in summary
    assert "<p>Two.</p>" in summary
    assert "Sea of Tranquility" in summary


def test_newest_publication_comes_first(client, make_moment):
    set_published(make_moment("2020-01-01", title="Late"), days_ago=2)
    set_published(make_moment("0044-03-15", title="Ides"), days_ago=1)
    for path in ("/feed.atom", "/@ada/feed.atom"):
        assert get_titles(client.get(path)) == ["Ides (15 March 44)", "Late (1 January 2020)"]


def test_last_tagged_moment_comes_first(client, make_tagged_moment):
    make_tagged_moment("2020-01-01", "moon", title="Late")
    make_tagged_moment("0044-03-15", "moon", title="Ides")
    assert get_titles(client.get("/tags/moon/feed.atom"))[0].startswith("Ides")


def test_moment_that_becomes_public_is_new(client, make_moment):
    """Edge case 15: a moment that was private for years is new when it becomes public."""
    moment = make_moment("2020-01-01", title="Secret", visibility=Visibility.PRIVATE)
    set_published(moment, days_ago=300)
    set_published(make_moment("2020-01-02", title="Known"), days_ago=1)
    assert get_titles(client.get("/feed.atom")) == ["Known (2 January 2020)"]
    moment.refresh_from_db()
    moment.visibility = Visibility.PUBLIC
    moment.save()
    assert get_titles(client.get("/feed.atom"))[0] == "Secret (1 January 2020)"


def test_revoked_moment_is_not_in_the_feed(client, make_moment):
    moment = make_moment("2020-01-01")
    transitions.revoke(moment, "a test")
    assert get_titles(client.get("/feed.atom")) == []


@pytest.mark.parametrize("path", FEEDS)
def test_hidden_moments_are_not_in_the_feed(
    client, make_tagged_moment, hidden_moments, owner, path
):
    """Edge case 15: neither for strangers nor for the owner, whose feed reader keeps copies."""
    make_tagged_moment("2020-01-01", "moon")
    assert "Canary" not in client.get(path).text
    client.force_login(owner)
    assert "Canary" not in client.get(path).text


def test_unknown_tag_or_person_is_404(client, hidden_moments, owner):
    assert client.get("/tags/moon/feed.atom").status_code == 404  # only hidden moments have it
    assert client.get("/@nobody/feed.atom").status_code == 404
    owner.is_active = False
    owner.save()
    assert client.get("/@ada/feed.atom").status_code == 404


def test_hostile_texts_are_escaped(client, hostile_moment, owner):
    """Edge case 19 and edge case 22: ``]]>``, markup, and characters that XML cannot contain."""
    owner.display_name = HOSTILE[:60]
    owner.save()
    (entry,) = get_entries(client.get("/feed.atom"))
    title = entry.findtext(f"{ATOM}title")
    assert "<b>&amp; ]]>" in title
    assert "שלום 👩‍🚀" in title
    assert "\ufffe" not in title
    summary = entry.findtext(f"{ATOM}summary")
    assert "<b>" not in summary
    assert "&lt;b&gt;&amp;amp; ]]&gt;" in summary


@pytest.mark.parametrize("path", ["/feed.atom", "/@ada/feed.atom"])
def test_unchanged_feed_is_304(client, owner, path, make_moment, monkeypatch):
    for _ in range(2):  # empty, and with a moment
        first = client.get(path)
        later = timezone.now() + dt.timedelta(hours=3)
        with monkeypatch.context() as patch:
            patch.setattr("django.utils.timezone.now", lambda later=later: later)
            again = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert again.status_code == 304
        make_moment("2020-01-01") if not Moment.objects.exists() else None


@pytest.mark.parametrize("path", FEEDS)
def test_length_is_bounded(client, make_tagged_moment, path, django_assert_max_num_queries):
    for minute in range(60):
        make_tagged_moment(f"2020-01-01T00:{minute:02}:00Z", "moon", f"tag-{minute}")
    with django_assert_max_num_queries(4):
        assert len(get_entries(client.get(path))) == 50


def test_ends_of_the_timeline(client, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02", title="First")
    make_moment("9999-12-30", title="Last")
    assert sorted(get_titles(client.get("/feed.atom"))) == [
        "First (2 January 1)", "Last (30 December 9999)",
    ]  # fmt: skip
