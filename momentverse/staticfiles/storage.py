"""Static files under names that contain a hash of their content, pre-compressed and cacheable for a year.

Only a file with a hashed name never changes. So JavaScript modules import each other by hashed
names too, and no page needs a plain name. Our own modules are minified.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from rjsmin import jsmin  # type: ignore[import-untyped]
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

YEAR_SECONDS = 365 * 24 * 3600
MODULES_PREFIX = "js/"
IMMUTABLE = f"public, max-age={YEAR_SECONDS}, immutable"
HASHED_NAME = re.compile(r"\.[0-9a-f]{12}(\.\w+)?$")
# Modification times are copied as floating-point numbers, which rounds them.
MAX_ROUNDING_SECONDS = 0.001


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

    def create_compressor(self, **options: Any) -> Compressor:
        """Return the compressor for the collected files."""
        return _NewFilesCompressor(**options)


class _NewFilesCompressor(Compressor):  # type: ignore[misc]
    """Compresses the files that have changed since the last ``collectstatic``, and leaves the others.

    Compressing takes most of the command's time.
    """

    def compress(self, path: str) -> list[str]:
        """Compress a file unless that was done before. Return the paths of the files written."""
        written: list[str] = [] if is_compressed(path) else super().compress(path)
        return written

    def write_data(self, path: str, data: bytes, suffix: str, stat_result: os.stat_result) -> str:
        """Write a compressed file at once, so that one that exists is complete."""
        unfinished = super().write_data(path, data, f"{suffix}.unfinished", stat_result)
        return str(Path(unfinished).replace(f"{path}{suffix}"))


def is_compressed(path: str) -> bool:
    """Return whether a file has a compressed version of its present content.

    A hashed name never gets another content. Otherwise the times tell: WhiteNoise gives the
    compressed version the time of the file. It writes the gzip version last.
    """
    compressed = Path(f"{path}.gz")
    if not compressed.exists():
        return False
    if HASHED_NAME.search(path):
        return True
    difference = compressed.stat().st_mtime - Path(path).stat().st_mtime
    return abs(difference) < MAX_ROUNDING_SECONDS


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
