"""Who may keep the API's answers, and for how long (edge case 16)."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


def test_it_works(client):
    response = client.get("/api/timeline")
    assert "s-maxage=30" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]
    assert "Set-Cookie" not in response


@pytest.mark.parametrize("address", ["/api/periods", "/api/periods/1969", "/api/openapi.json"])
def test_the_others_may_be_kept_too(client, address):
    assert client.get(address)["Cache-Control"].startswith("public")


def test_what_has_not_changed_is_not_sent_again(client, make_moment):
    first = client.get("/api/timeline")
    again = client.get("/api/timeline", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    make_moment("1969-07-20T20:17:40Z")
    changed = client.get("/api/timeline", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200


def test_whoever_is_logged_in_keeps_nothing(client, owner):
    client.force_login(owner)
    assert client.get("/api/timeline")["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "address", ["/api/timeline?limit=0", "/api/moments/11111111111", "/api/nothing"]
)
def test_refusals_are_not_kept(client, address):
    assert client.get(address)["Cache-Control"] == "private, no-store"
