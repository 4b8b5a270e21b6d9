"""Caching of the API's responses (edge case 16)."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


def test_it_works(client):
    response = client.get("/api/timeline")
    assert "s-maxage=30" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]
    assert "Set-Cookie" not in response


@pytest.mark.parametrize("address", ["/api/periods", "/api/periods/1969", "/api/openapi.json"])
def test_other_endpoints_are_cacheable(client, address):
    assert client.get(address)["Cache-Control"].startswith("public")


def test_unchanged_response_is_304(client, make_moment):
    first = client.get("/api/timeline")
    again = client.get("/api/timeline", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    make_moment("1969-07-20T20:17:40Z")
    changed = client.get("/api/timeline", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200


def test_response_with_a_session_is_not_stored(client, owner):
    client.force_login(owner)
    assert client.get("/api/timeline")["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "address", ["/api/timeline?limit=0", "/api/moments/11111111111", "/api/nothing"]
)
def test_errors_are_not_stored(client, address):
    assert client.get(address)["Cache-Control"] == "private, no-store"
