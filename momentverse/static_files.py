"""Static files under hashed names."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """WhiteNoise's storage, in which modules import each other by their hashed names too.

    Else what a module imports would be the file without a hash, which nobody may keep.
    """

    support_js_module_import_aggregation = True
