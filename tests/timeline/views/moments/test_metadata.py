"""Metadata of a moment's page: Open Graph and JSON-LD."""

from __future__ import annotations

import html
import json
import re

import pytest

from timeline.models import Visibility
from timeline.views.moments.metadata import build_description

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    '"}],"@id":"https://example.org/',
    "a & b &amp; c",
    "line\u2028separator",
    "\\u003c/script\\u003e",
    "שלום · 日食 🌒",
]


def parse_metas(page):
    pairs = re.findall(r'<meta (?:property|name)="([^"]+)"\s+content="([^"]*)">', page)
    return {name: html.unescape(content) for name, content in pairs}


def parse_json_ld(page):
    """Return the JSON-LD as a parser reads it: up to the first end of the script element."""
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script', page, re.DOTALL)
    return json.loads(text)["@graph"]


@pytest.fixture
def get_page(client):
    """Return a function that returns a moment's page as text."""
    return lambda moment: client.get(moment.get_absolute_url()).text


def test_it_works(get_page, make_moment, settings):
    moment = make_moment(
        "1969-07-20T20:17:40Z", 60, title="The Eagle has landed", story="With fuel\n\nto spare.",
        place="Sea of Tranquility",
    )  # fmt: skip
    page = get_page(moment)
    metas = parse_metas(page)
    url = settings.SITE_URL + moment.get_absolute_url()
    assert metas["og:type"] == "article"
    assert metas["og:title"] == "The Eagle has landed"
    assert metas["og:description"] == "20 July 1969, 20:17:40 UTC. With fuel to spare."
    assert metas["og:url"] == url
    assert metas["og:site_name"] == "MomentVerse"
    assert metas["og:image"] == f"{settings.SITE_URL}/static/img/card.png"
    event, crumbs = parse_json_ld(page)
    assert event == {
        "@type": "Event", "@id": url, "url": url, "name": "The Eagle has landed",
        "startDate": "1969-07-20T20:17:40Z", "endDate": "1969-07-20T20:18:40Z",
        "description": metas["og:description"],
        "location": {"@type": "Place", "name": "Sea of Tranquility"},
    }  # fmt: skip
    names = [item["name"] for item in crumbs["itemListElement"]]
    assert names == ["20th century", "1969", "July 1969", "20 July 1969", "The Eagle has landed"]
    assert [item["position"] for item in crumbs["itemListElement"]] == [1, 2, 3, 4, 5]
    assert crumbs["itemListElement"][1]["item"] == f"{settings.SITE_URL}/timeline/1969/"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_escaped(get_page, make_moment, text):
    """Edge case 22."""
    page = get_page(make_moment("1969-07-20", title=text, place=text, story=text))
    event, _ = parse_json_ld(page)
    assert event["name"] == event["location"]["name"] == parse_metas(page)["og:title"]
    assert event["name"].replace("\u2028", "") == text.replace("\u2028", "")
    # The JSON-LD and the two scripts of every page: no text of a person became an element.
    kinds = re.findall(r"<script (type|data-after-paint)=", page)
    assert kinds == ["type", "data-after-paint", "type"]
    assert page.count("<script") == 3


@pytest.mark.parametrize("viewer", ["nobody", "owner"])
def test_private_moment_has_no_metadata(client, make_moment, owner, viewer):
    """Edge case 15: not even on the owner's own page, because they may save or print it."""
    moment = make_moment("1969-07-20", visibility=Visibility.PRIVATE, title="Canary")
    if viewer == "owner":
        client.force_login(owner)
    page = client.get(moment.get_absolute_url()).text
    assert "og:title" not in page
    assert "ld+json" not in page


def test_unlisted_moment_has_a_preview_but_is_not_indexed(get_page, make_moment):
    """Edge case 15: everybody with the address may see it, but search engines may not index it."""
    page = get_page(make_moment("1969-07-20", visibility=Visibility.UNLISTED, title="For friends"))
    assert parse_metas(page)["og:title"] == "For friends"
    assert parse_metas(page)["robots"] == "noindex"
    assert "ld+json" not in page
    assert 'rel="canonical"' not in page


def test_only_public_pages_without_errors_are_indexed(client, db, settings):
    for address in ("/", "/claim/", "/accounts/login/", "/accounts/signup/"):
        page = client.get(f"{address}?next=/x/" if "accounts" in address else address).text
        assert "robots" not in parse_metas(page)
        assert f'<link rel="canonical" href="{settings.SITE_URL}{address}">' in page
        assert parse_metas(page)["description"]
    for address in ("/nowhere/", "/accounts/password/reset/", "/claim/?date=1969-07-20"):
        assert parse_metas(client.get(address).text)["robots"] == "noindex"


def test_long_story_is_truncated_between_words(make_moment):
    moment = make_moment("1969-07-20", story="word " * 100)
    assert len(build_description(moment)) <= 160
    assert build_description(moment).endswith(" word…")


def test_earliest_moment_has_metadata(get_page, make_moment):
    """Edge case 6."""
    event, _ = parse_json_ld(get_page(make_moment("0001-01-02T00:00:00Z")))
    assert event["startDate"] == "0001-01-02T00:00:00Z"
