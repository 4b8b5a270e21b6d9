"""robots.txt and security.txt."""

from __future__ import annotations

import datetime as dt
from urllib.robotparser import RobotFileParser

from django.utils import timezone

SITE = "http://127.0.0.1:8000"


def test_it_works(client, db):
    response = client.get("/robots.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    rules = RobotFileParser()
    rules.parse(response.text.splitlines())
    assert rules.can_fetch("anybody", f"{SITE}/timeline/1969/")
    assert rules.can_fetch("anybody", f"{SITE}/feed.atom")
    assert not rules.can_fetch("anybody", f"{SITE}/accounts/login/")
    # The parser here knows no `$`: the ways in alone, and nothing below them or with a query.
    for path in ("/claim/", "/accounts/login/", "/accounts/signup/"):
        assert f"Allow: {path}$" in response.text.splitlines()
    assert rules.site_maps() == [f"{SITE}/sitemap.xml"]
    assert client.get("/sitemap.xml").status_code == 200


def fields(response):
    return dict(line.split(": ", 1) for line in response.text.splitlines())


def test_security(client, settings):
    settings.SECURITY_CONTACT = "mailto:watch@momentverse.example"
    response = client.get("/.well-known/security.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    found = fields(response)
    assert found["Contact"] == "mailto:watch@momentverse.example"
    assert found["Canonical"] == f"{SITE}/.well-known/security.txt"


def test_security_is_not_out_of_date(client, monkeypatch):
    """RFC 9116: an expired file is not to be trusted; it recommends less than a year."""
    for day in (
        dt.datetime(2026, 1, 31, 23, 59, tzinfo=dt.UTC),
        dt.datetime(2028, 2, 29, tzinfo=dt.UTC),
    ):
        with monkeypatch.context() as patch:
            patch.setattr("django.utils.timezone.now", lambda day=day: day)
            expires = dt.datetime.fromisoformat(
                fields(client.get("/.well-known/security.txt"))["Expires"]
            )
        assert dt.timedelta(days=100) < expires - day < dt.timedelta(days=365)
    assert timezone.now().year >= 2026


def test_they_are_unchanged_until_they_change(client):
    for path in ("/robots.txt", "/.well-known/security.txt"):
        first = client.get(path)
        assert first["Cache-Control"].startswith("public")
        again = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert again.status_code == 304
