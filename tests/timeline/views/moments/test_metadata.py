"""What programs are told of a moment: Open Graph and JSON-LD."""

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


def metas(page):
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', page)
    return {name: html.unescape(content) for name, content in found}


def structured(page):
    """Return the JSON-LD as a program reads it: up to the first thing that ends the element."""
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script', page, re.DOTALL)
    return json.loads(text)["@graph"]


@pytest.fixture
def page_of(client):
    """Return a function that returns a moment's page as visitors get it."""
    return lambda moment: client.get(moment.get_absolute_url()).text


def test_it_works(page_of, make_moment, settings):
    moment = make_moment(
        "1969-07-20T20:17:40Z", 60, title="The Eagle has landed", story="With fuel\n\nto spare.",
        place="Sea of Tranquility",
    )  # fmt: skip
    page = page_of(moment)
    told = metas(page)
    url = settings.SITE_URL + moment.get_absolute_url()
    assert told["og:type"] == "article"
    assert told["og:title"] == "The Eagle has landed"
    assert told["og:description"] == "20 July 1969, 20:17:40 UTC. With fuel to spare."
    assert told["og:url"] == url
    assert told["og:site_name"] == "MomentVerse"
    assert told["og:image"] == f"{settings.SITE_URL}/static/img/card.png"
    event, crumbs = structured(page)
    assert event == {
        "@type": "Event", "@id": url, "url": url, "name": "The Eagle has landed",
        "startDate": "1969-07-20T20:17:40Z", "endDate": "1969-07-20T20:18:40Z",
        "description": told["og:description"],
        "location": {"@type": "Place", "name": "Sea of Tranquility"},
    }  # fmt: skip
    names = [item["name"] for item in crumbs["itemListElement"]]
    assert names == ["20th century", "1969", "July 1969", "20 July 1969", "The Eagle has landed"]
    assert [item["position"] for item in crumbs["itemListElement"]] == [1, 2, 3, 4, 5]
    assert crumbs["itemListElement"][1]["item"] == f"{settings.SITE_URL}/timeline/1969/"


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_people_stay_words(page_of, make_moment, words):
    """Edge case 22."""
    page = page_of(make_moment("1969-07-20", title=words, place=words, story=words))
    event, _ = structured(page)
    assert event["name"] == event["location"]["name"] == metas(page)["og:title"]
    assert event["name"].replace("\u2028", "") == words.replace("\u2028", "")
    # One element of data, and the two of every page: nothing that somebody wrote is an element.
    kinds = re.findall(r"<script (type|data-after-paint)=", page)
    assert kinds == ["type", "data-after-paint", "type"]
    assert page.count("<script") == 3


@pytest.mark.parametrize("viewer", ["nobody", "owner"])
def test_of_a_private_moment_programs_are_told_nothing(client, make_moment, owner, viewer):
    """Edge case 15: not even on its owner's own page, which they may save or print."""
    moment = make_moment("1969-07-20", visibility=Visibility.PRIVATE, title="Canary")
    if viewer == "owner":
        client.force_login(owner)
    page = client.get(moment.get_absolute_url()).text
    assert "og:title" not in page
    assert "ld+json" not in page


def test_an_unlisted_moment_is_shown_where_its_link_is_and_not_indexed(page_of, make_moment):
    """Edge case 15: who has the address may see it; a search engine may not keep it."""
    page = page_of(make_moment("1969-07-20", visibility=Visibility.UNLISTED, title="For friends"))
    assert metas(page)["og:title"] == "For friends"
    assert metas(page)["robots"] == "noindex"
    assert "ld+json" not in page
    assert 'rel="canonical"' not in page


def test_pages_are_indexed_but_for_errors_and_what_is_ones_own(client, db, settings):
    for address in ("/", "/claim/", "/accounts/login/", "/accounts/signup/"):
        page = client.get(f"{address}?next=/x/" if "accounts" in address else address).text
        assert "robots" not in metas(page)
        assert f'<link rel="canonical" href="{settings.SITE_URL}{address}">' in page
        assert metas(page)["description"]
    for address in ("/nowhere/", "/accounts/password/reset/", "/claim/?date=1969-07-20"):
        assert metas(client.get(address).text)["robots"] == "noindex"


def test_a_long_story_is_cut_between_words(make_moment):
    moment = make_moment("1969-07-20", story="word " * 100)
    assert len(build_description(moment)) <= 160
    assert build_description(moment).endswith(" word…")


def test_the_earliest_moment(page_of, make_moment):
    """Edge case 6."""
    event, _ = structured(page_of(make_moment("0001-01-02T00:00:00Z")))
    assert event["startDate"] == "0001-01-02T00:00:00Z"
