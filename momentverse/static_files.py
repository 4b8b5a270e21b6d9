"""Static files under names that hold their content's hash, pre-compressed, kept for a year by whoever likes.

Only a hashed name promises never to change: ES modules refer to each other by
hashed names as well, so that no plain name stays in any page.
"""

from __future__ import annotations

from wsgiref.headers import Headers

from whitenoise.storage import CompressedManifestStaticFilesStorage

YEAR_SECONDS = 365 * 24 * 3600
IMMUTABLE = f"public, max-age={YEAR_SECONDS}, immutable"


class HashedFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """WhiteNoise's storage, with imports of modules rewritten too."""

    support_js_module_import_aggregation = True


def cache_for_a_year(headers: Headers, path: str, url: str) -> None:
    """Add to a static file's headers: what WhiteNoise has found to be immutable, for a year, not for ten."""
    if "immutable" in (headers["Cache-Control"] or ""):
        headers["Cache-Control"] = IMMUTABLE
