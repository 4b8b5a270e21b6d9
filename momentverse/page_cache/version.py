"""What tells one release's pages from another's: they link to other static files, and are other pages."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import django
from django.conf import settings

# Folders of what a page is made from, below the project.
_SOURCES = ("accounts", "momentverse", "templates", "timeline")
_SUFFIXES = (".py", ".html", ".txt")
# Settings that stand in pages or in their headers.
_SETTINGS = (
    "SITE_URL",
    "CONTENT_SECURITY_POLICY",
    "SECURE",
    "SECURE_HSTS_SECONDS",
    "SESSION_COOKIE_NAME",
    "STATIC_URL",
    "ROOT_URLCONF",
)


def build_version() -> str:
    """Return the same few letters in every process of a release, and others in the next one's.

    Read from the code, the templates and the manifest of static files, so that
    nobody has to think of it.
    """
    digest = hashlib.blake2b(digest_size=8)
    for value in (django.get_version(), *(getattr(settings, name) for name in _SETTINGS)):
        digest.update(repr(value).encode())
    for path in sorted(_list_source_files()):
        digest.update(str(path.relative_to(settings.BASE_DIR)).encode())
        digest.update(path.read_bytes())
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    if manifest.exists():
        digest.update(manifest.read_bytes())
    return digest.hexdigest()


def _list_source_files() -> list[Path]:
    base: Any = settings.BASE_DIR
    return [
        path
        for folder in _SOURCES
        for path in (base / folder).rglob("*")
        if path.suffix in _SUFFIXES
    ]
