"""Which links browsers may fetch ahead."""

from __future__ import annotations

import json
import re
from pathlib import Path

from django.contrib.staticfiles import finders
from django.test import Client


def test_it_works(client, db):
    response = client.get("/")
    assert response["Speculation-Rules"] == '"/static/js/links.speculationrules"'


def test_the_rules_name_the_timelines_links_and_no_others():
    rules = Path(finders.find("js/links.speculationrules")).read_text()
    (rule,) = json.loads(rules)["prefetch"]
    matches, exception, long_list = rule["where"]["and"]
    assert matches["href_matches"] == ["/timeline/*", "/moments/*"]
    assert exception["not"]["href_matches"] == "/moments/*/edit/"
    assert long_list["not"]["selector_matches"] == ".list-long a"
    assert rule["eagerness"] == "moderate"


def test_only_pages_have_them(client, db, admin_client):
    for address in ("/nowhere/", "/api/timeline", "/health/live/", "/manifest.webmanifest"):
        assert "Speculation-Rules" not in client.get(address)


def test_the_rules_are_served_as_what_they_are(settings, tmp_path):
    """Browsers take rules by their type alone."""
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "links.speculationrules").write_text("{}")
    response = Client().get("/static/js/links.speculationrules")
    assert response["Content-Type"] == "application/speculationrules+json"


def test_nothing_that_is_fetched_ahead_changes_anything(client, make_moment):
    """EDGE_CASES 25: fetching ahead is reading."""
    moment = make_moment("1969-07-20")
    page = client.get("/timeline/1969/07/20/").text
    for address in {*re.findall(r'href="(/(?:timeline|moments)/[^"]*)"', page)}:
        response = client.get(address, headers={"Sec-Purpose": "prefetch"})
        assert response.status_code == 200
        assert not response.cookies
    before = moment.updated_at
    moment.refresh_from_db()
    assert moment.updated_at == before
