"""Static files under names that hold their content's hash, pre-compressed, kept for a year by whoever likes.

Only a hashed name promises never to change: ES modules refer to each other by
hashed names as well, so that no plain name stays in any page. Our own modules
go out without their comments and spaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from wsgiref.headers import Headers

from django.core.files.base import ContentFile, File
from rjsmin import jsmin  # type: ignore[import-untyped]
from whitenoise.storage import CompressedManifestStaticFilesStorage

YEAR_SECONDS = 365 * 24 * 3600
OUR_MODULES = "js/"
IMMUTABLE = f"public, max-age={YEAR_SECONDS}, immutable"


class HashedFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """WhiteNoise's storage, with our modules minified and imports of modules rewritten too."""

    support_js_module_import_aggregation = True

    def post_process(
        self, paths: dict[str, tuple[Any, str]], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        """Make the hashed and compressed files."""
        sources = {name: (_Minified(storage), path) for name, (storage, path) in paths.items()}
        yield from super().post_process(sources, dry_run, **options)


class _Minified:
    """A storage that files are collected from, of which our modules are read as they are served."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def open(self, path: str) -> File[Any]:
        """Open a file, minified if it is a module of ours."""
        opened: File[Any] = self._storage.open(path)
        if not (path.startswith(OUR_MODULES) and path.endswith(".js")):
            return opened
        with opened:
            return ContentFile(as_served(opened.read()))


def as_served(module: bytes) -> bytes:
    """Return a module without comments and needless spaces."""
    return str(jsmin(module.decode())).encode()


def cache_for_a_year(headers: Headers, path: str, url: str) -> None:
    """Add to a static file's headers: what WhiteNoise has found to be immutable, for a year, not for ten."""
    if "immutable" in (headers["Cache-Control"] or ""):
        headers["Cache-Control"] = IMMUTABLE
