"""Reject forms with files that are too large, before they are read."""

from __future__ import annotations

from typing import IO

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import FileUploadHandler

MEGABYTE = 1024 * 1024


class CappedUploadHandler(FileUploadHandler):
    """The first upload handler: rejects a body longer than ``UPLOAD_MAX_BYTES``, and stores nothing.

    Checking the declared length is enough: the server never reads more than that, and reads
    nothing of a body that declares none.
    """

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803  Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Raise BadRequest if the declared length is too large."""
        if content_length > settings.UPLOAD_MAX_BYTES:
            megabytes = settings.UPLOAD_MAX_BYTES // MEGABYTE
            raise BadRequest(f"That is too large: {megabytes} MB at most. Go back and choose less.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Return nothing, so that the next handler stores the file."""
