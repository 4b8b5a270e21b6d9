"""Every response below ``/api/`` has the envelope, whatever goes wrong."""

from __future__ import annotations

import secrets

import pytest
from django.db import OperationalError
from django.test import Client

from timeline.views.api import moments

pytestmark = pytest.mark.django_db

ADDRESSES = [
    "/api/timeline",
    "/api/moments/11111111111",
    "/api/periods",
    "/api/periods/centuries/20",
    "/api/periods/1969",
    "/api/periods/1969/07",
    "/api/periods/1969/07/20",
    "/api/periods/1969/07/20/20",
    "/api/openapi.json",
]


def get_error(response, status):
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    body = response.json()
    assert body["ok"] is False
    return body["error"]


def test_it_works(client):
    assert client.get("/api/timeline").json() == {"ok": True, "data": {"moments": [], "next": None}}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_only_get_and_head_are_allowed(address, method):
    """A POST without a CSRF token gets 405, not 403."""
    response = Client(enforce_csrf_checks=True).generic(method, address, data=b"{}")
    assert get_error(response, 405) == {
        "code": "method_not_allowed",
        "message": "This address takes GET, HEAD.",
    }
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("address", ADDRESSES)
def test_head_equals_get_without_the_body(client, address):
    full, head = client.get(address), client.head(address)
    assert head.status_code == full.status_code
    assert head.content == b""
    assert head["Content-Type"] == full["Content-Type"]


@pytest.mark.parametrize(
    "address", [*(f"{address}/" for address in ADDRESSES), "/api/", "/api/v2", "/api//timeline"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_paths_are_404(client, address, method):
    """A slash at the end makes a different path, and there is no redirect."""
    assert get_error(client.generic(method, address), 404)["code"] == "not_found"


def test_invalid_host_is_400(client):
    assert (
        get_error(client.get("/api/timeline", headers={"host": "evil.example"}), 400)["code"]
        == "bad_request"
    )


def test_rate_limit_is_429(client, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    # A random client address, because the counter may be shared with other tests.
    address = f"2001:db8:{secrets.randbelow(65536):x}:{secrets.randbelow(65536):x}::1"
    assert client.get("/api/periods", REMOTE_ADDR=address)["RateLimit-Remaining"] == "0"
    response = client.get("/api/periods", REMOTE_ADDR=address)
    assert get_error(response, 429)["code"] == "too_many_requests"
    assert int(response["Retry-After"]) >= 1


def test_internal_error_reveals_nothing(client, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("secret")

    monkeypatch.setattr(moments, "list_overlapping", fail)
    client.raise_request_exception = False
    response = client.get("/api/timeline")
    assert get_error(response, 500)["code"] == "internal_error"
    assert b"secret" not in response.content
    assert response["Cache-Control"] == "private, no-store"


def test_database_outage_is_503(client, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("secret")

    monkeypatch.setattr(moments, "list_overlapping", fail)
    response = client.get("/api/timeline")
    assert get_error(response, 503)["code"] == "unavailable"
    assert int(response["Retry-After"]) >= 1
    assert b"secret" not in response.content
