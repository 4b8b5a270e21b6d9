"""The web app manifest."""

import struct
from pathlib import Path

from django.contrib.staticfiles import finders


def test_it_works(client):
    response = client.get("/manifest.webmanifest")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/manifest+json"
    assert response["Cache-Control"].startswith("public")
    manifest = response.json()
    assert manifest["name"] == "MomentVerse"
    assert manifest["start_url"] == manifest["scope"] == manifest["id"] == "/"


def test_icons_exist_and_have_the_stated_size(client):
    icons = client.get("/manifest.webmanifest").json()["icons"]
    assert {(icon["sizes"], icon["purpose"]) for icon in icons} == {
        ("192x192", "any"), ("512x512", "any"), ("512x512", "maskable"),
    }  # fmt: skip
    for icon in icons:
        content = Path(finders.find(icon["src"].removeprefix("/static/"))).read_bytes()
        width, height = struct.unpack_from(">II", content, 16)  # in a PNG's first chunk, IHDR
        assert f"{width}x{height}" == icon["sizes"]


def test_every_page_links_to_it(client, db):
    assert '<link rel="manifest" href="/manifest.webmanifest">' in client.get("/").text
    assert '<link rel="manifest" href="/manifest.webmanifest">' in client.get("/nowhere/").text


def test_only_safe_methods_are_allowed(client):
    assert client.post("/manifest.webmanifest").status_code == 405
