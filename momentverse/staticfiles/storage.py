"""Static files under names that contain a hash of their content, pre-compressed and cacheable for a year.

Only a file with a hashed name never changes. So JavaScript modules import each other by hashed
names too, and no page needs a plain name. Our own modules are minified.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from wsgiref.headers import Headers

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from rjsmin import jsmin  # type: ignore[import-untyped]
from whitenoise.storage import CompressedManifestStaticFilesStorage

YEAR_SECONDS = 365 * 24 * 3600
MODULES_PREFIX = "js/"
IMMUTABLE = f"public, max-age={YEAR_SECONDS}, immutable"


class HashedFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """WhiteNoise's storage, which also minifies our modules and rewrites the imports of modules."""

    support_js_module_import_aggregation = True

    def post_process(
        self, paths: dict[str, tuple[Storage, str]], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str | None, bool | Exception]]:
        """Write the hashed and compressed files."""
        sources = {
            name: (_MinifyingStorage(storage), path) for name, (storage, path) in paths.items()
        }
        yield from super().post_process(sources, dry_run, **options)


class _MinifyingStorage:
    """A storage to collect files from; our modules are minified when they are read."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, path: str) -> File[Any]:
        """Open a file, minified if it is one of our modules."""
        opened = self._storage.open(path)
        if not (path.startswith(MODULES_PREFIX) and path.endswith(".js")):
            return opened
        with opened:
            return ContentFile(minify_module(opened.read()))


def minify_module(module: bytes) -> bytes:
    """Return a JavaScript module without comments and unnecessary spaces."""
    return str(jsmin(module.decode())).encode()


def cache_for_a_year(headers: Headers, path: str, url: str) -> None:
    """Limit the lifetime of immutable files to a year; WhiteNoise's default is ten."""
    if "immutable" in (headers["Cache-Control"] or ""):
        headers["Cache-Control"] = IMMUTABLE
