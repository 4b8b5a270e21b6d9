"""Error pages, and error envelopes of the API."""

import json

import pytest
from django.test import Client

ERRORS = [
    ("bad", 400, "bad_request"),
    ("suspicious", 400, "bad_request"),
    ("hung-up", 400, "bad_request"),
    ("denied", 403, "forbidden"),
    ("missing", 404, "not_found"),
    ("no-such-address", 404, "not_found"),
    ("post-only", 405, "method_not_allowed"),
    ("boom", 500, "internal_error"),
    ("away", 503, "unavailable"),
    ("interface", 503, "unavailable"),
]


def test_it_works(visitor):
    response = visitor.get("/t/missing/")
    assert response.status_code == 404
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "Nothing here" in response.text
    assert "There is no such moment." in response.text


@pytest.mark.parametrize(("name", "status", "code"), ERRORS)
def test_page_outside_the_api(visitor, name, status, code):
    response = visitor.get(f"/t/{name}/")
    assert response.status_code == status
    assert response.text.lower().startswith("<!doctype html>")
    assert str(status) in response.text


@pytest.mark.parametrize(("name", "status", "code"), ERRORS)
def test_envelope_in_the_api(visitor, name, status, code):
    response = visitor.get(f"/api/t/{name}/")
    assert response.status_code == status
    body = json.loads(response.content)
    assert body.keys() == {"ok", "error"}
    assert body["ok"] is False
    assert body["error"].keys() == {"code", "message"}
    assert body["error"]["code"] == code
    assert body["error"]["message"]


@pytest.mark.parametrize("area", ["/t", "/api/t"])
@pytest.mark.parametrize("name", ["boom", "away", "suspicious", "missing-object", "hung-up"])
@pytest.mark.django_db
def test_message_of_unexpected_exception_is_not_shown(visitor, area, name):
    text = visitor.get(f"{area}/{name}/").text
    for secret in (
        "12345",
        "10.1.2.3",
        "internal words",
        "matches the given query",
        "disconnected",
    ):
        assert secret not in text
    assert "Traceback" not in text


@pytest.mark.parametrize("area", ["/t", "/api/t"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bad", "`from` must be a date."),
        ("denied-with-words", "Only its owner may do that."),
        ("missing", "There is no such moment."),
    ],
)
def test_message_for_visitors_is_shown(visitor, area, name, message):
    assert message in visitor.get(f"{area}/{name}/").text


def test_message_of_url_resolver_is_not_shown(visitor):
    assert "tried" not in visitor.get("/t/no-such-address/").text


@pytest.mark.parametrize("area", ["/t", "/api/t"])
def test_unavailable_database_is_503_with_retry_after(visitor, area):
    response = visitor.get(f"{area}/away/")
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize("area", ["/t", "/api/t"])
def test_session_that_cannot_be_read_is_503(visitor, area, monkeypatch):
    """It fails in a middleware, where process_exception is not called."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import OperationalError

    def fail(self):
        raise OperationalError("connection refused")

    monkeypatch.setattr(SessionStore, "load", fail)
    visitor.cookies["session"] = "a" * 32
    response = visitor.get(f"{area}/who/")
    assert response.status_code == 503
    assert "Retry-After" in response


def test_failing_middleware_is_logged(visitor, monkeypatch, log):
    from django.contrib.sessions.backends.db import SessionStore

    def fail(self):
        raise RuntimeError("mistake in a middleware")

    monkeypatch.setattr(SessionStore, "load", fail)
    visitor.cookies["session"] = "a" * 32
    assert visitor.get("/t/who/").status_code == 500
    assert "mistake in a middleware" in log.from_logger("momentverse.errors")[0]["exception"]


def test_expected_failures_are_not_logged_as_errors(visitor, log):
    for name in ("missing", "denied", "bad", "suspicious", "hung-up", "no-such-address"):
        visitor.get(f"/t/{name}/")
    assert log.from_logger("momentverse.errors") == []


@pytest.mark.parametrize("area", ["/t", "/api/t"])
def test_405_names_the_allowed_method(visitor, area):
    response = visitor.get(f"{area}/post-only/")
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert "POST" in response.text


@pytest.mark.parametrize("area", ["/t", "/api/t"])
def test_missing_csrf_token_is_explained(pages, area):
    response = Client(enforce_csrf_checks=True).post(f"{area}/form/", {"text": "hello"})
    assert response.status_code == 403
    assert "send it again" in response.text


@pytest.mark.parametrize(
    "data",
    [{"text": "x" * 2_000_000}, {f"field{n}": "" for n in range(1500)}],
    ids=["size", "fields"],
)
def test_too_large_form_is_rejected(visitor, data):
    body = "&".join(f"{name}={value}" for name, value in data.items())
    response = visitor.post("/t/form/", body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 400


@pytest.mark.parametrize("path", ["/t/fine/", "/api/t/json/"])
def test_cookie_with_nul_is_rejected(visitor, path):
    """In a quoted cookie, it would reach PostgreSQL as part of a session key."""
    visitor.cookies.load('session="abc\\000def"')
    assert visitor.get(path).status_code == 400


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "utf-16"])
def test_body_in_another_encoding_is_rejected(visitor, charset):
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = visitor.post("/t/fine/", b"a=b", content_type=f"{kind}; charset={charset}")
        assert response.status_code == 400


@pytest.mark.parametrize("path", ["/t/a%00b/", "/t/fine/?q=%00", "/api/t/json/?q=a%00", "/%00"])
def test_url_with_nul_is_rejected(visitor, path):
    assert visitor.get(path).status_code == 400


@pytest.mark.parametrize(
    "path", ["/t/%ff%fe/", "/t/%ED%A0%80/", "/t/fine/?q=%ED%A0%80", "/t/fine/?%ff=%fe&&&=="]
)
def test_broken_unicode_causes_no_server_error(visitor, path):
    assert visitor.get(path).status_code in (200, 404)


def test_head_has_no_body(visitor):
    response = visitor.head("/t/missing/")
    assert response.status_code == 404
    assert response.content == b""
