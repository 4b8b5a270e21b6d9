"""Which links browsers may fetch ahead."""

from __future__ import annotations

import json
import re


def rules_of(page):
    (rules,) = re.findall(r'<script type="speculationrules">(.*?)</script>', page)
    return json.loads(rules)


def test_it_works(client, db):
    """The timeline's links, and no others."""
    (rule,) = rules_of(client.get("/").text)["prefetch"]
    matches, exception, long_list = rule["where"]["and"]
    assert matches["href_matches"] == ["/timeline/*", "/moments/*"]
    assert exception["not"]["href_matches"] == "/moments/*/edit/"
    assert long_list["not"]["selector_matches"] == ".list-long a"
    assert rule["eagerness"] == "moderate"


def test_the_admin_has_none(admin_client):
    assert "speculationrules" not in admin_client.get("/admin/").text


def test_nothing_that_is_fetched_ahead_changes_anything(client, make_moment):
    """Edge case 25: fetching ahead is reading."""
    moment = make_moment("1969-07-20")
    page = client.get("/timeline/1969/07/20/").text
    for address in {*re.findall(r'href="(/(?:timeline|moments)/[^"]*)"', page)}:
        response = client.get(address, headers={"Sec-Purpose": "prefetch"})
        assert response.status_code == 200
        assert not response.cookies
    before = moment.updated_at
    moment.refresh_from_db()
    assert moment.updated_at == before
