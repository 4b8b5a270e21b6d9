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
    # Python's parser does not support `$`, so compare the lines: these pages only, without a query.
    for path in ("/claim/", "/accounts/login/", "/accounts/signup/"):
        assert f"Allow: {path}$" in response.text.splitlines()
    assert rules.site_maps() == [f"{SITE}/sitemap.xml"]
    assert client.get("/sitemap.xml").status_code == 200


def parse_fields(response):
    return dict(line.split(": ", 1) for line in response.text.splitlines())


def test_security_txt(client, settings):
    settings.SECURITY_CONTACT = "mailto:watch@momentverse.example"
    response = client.get("/.well-known/security.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    fields = parse_fields(response)
    assert fields["Contact"] == "mailto:watch@momentverse.example"
    assert fields["Canonical"] == f"{SITE}/.well-known/security.txt"


def test_security_txt_does_not_expire(client, monkeypatch):
    """RFC 9116: nobody should trust an expired file; an expiry in less than a year is recommended."""
    for day in (
        dt.datetime(2026, 1, 31, 23, 59, tzinfo=dt.UTC),
        dt.datetime(2028, 2, 29, tzinfo=dt.UTC),
    ):
        with monkeypatch.context() as patch:
            patch.setattr("django.utils.timezone.now", lambda day=day: day)
            expires = dt.datetime.fromisoformat(
                parse_fields(client.get("/.well-known/security.txt"))["Expires"]
            )
        assert dt.timedelta(days=100) < expires - day < dt.timedelta(days=365)
    assert timezone.now().year >= 2026


def test_files_can_be_revalidated(client):
    for path in ("/robots.txt", "/.well-known/security.txt"):
        first = client.get(path)
        assert first["Cache-Control"].startswith("public")
        again = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert again.status_code == 304
