"""The speculation rules: which links browsers may prefetch."""

from __future__ import annotations

import json
import re


def parse_rules(page):
    (rules,) = re.findall(r'<script type="speculationrules">(.*?)</script>', page)
    return json.loads(rules)


def test_it_works(client, db):
    """Only links of the timeline."""
    (rule,) = parse_rules(client.get("/").text)["prefetch"]
    matches, exception, long_list = rule["where"]["and"]
    assert matches["href_matches"] == ["/timeline/*", "/moments/*"]
    assert exception["not"]["href_matches"] == "/moments/*/edit/"
    assert long_list["not"]["selector_matches"] == ".list-long a"
    assert rule["eagerness"] == "moderate"


def test_admin_has_no_rules(admin_client):
    assert "speculationrules" not in admin_client.get("/admin/").text


def test_prefetching_changes_nothing(client, make_moment):
    """Edge case 25: prefetching is reading."""
    moment = make_moment("1969-07-20")
    page = client.get("/timeline/1969/07/20/").text
    for url in {*re.findall(r'href="(/(?:timeline|moments)/[^"]*)"', page)}:
        response = client.get(url, headers={"Sec-Purpose": "prefetch"})
        assert response.status_code == 200
        assert not response.cookies
    before = moment.updated_at
    moment.refresh_from_db()
    assert moment.updated_at == before
