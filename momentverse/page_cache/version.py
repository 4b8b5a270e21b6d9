"""The version of the code, part of every cache key.

Another release renders other pages, and they link to other static files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import django
from django.conf import settings

# The folders that pages are made from.
_FOLDERS = ("accounts", "momentverse", "templates", "timeline")
_SUFFIXES = (".py", ".html", ".txt")
# Settings whose values are in pages or in their headers.
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
    """Return a hash of the code, the templates and the manifest of static files.

    All processes of a release compute the same 16 characters, so nobody has to maintain a
    version number.
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
    base: Path = settings.BASE_DIR
    return [
        path
        for folder in _FOLDERS
        for path in (base / folder).rglob("*")
        if path.suffix in _SUFFIXES
    ]
