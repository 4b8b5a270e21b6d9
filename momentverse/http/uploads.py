"""Bodies that are too large, refused before they are read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import FileUploadHandler

MEGABYTE = 1024 * 1024


class CappedUploadHandler(FileUploadHandler):
    """The first of the handlers: it keeps nothing, and stops what is longer than ``UPLOAD_MAX_BYTES``.

    A body without a length is an empty one to the server, so the length that
    was told bounds what is read.
    """

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *rest: Any) -> None:  # noqa: N803
        """Look at the length that the client has told. Raises BadRequest."""
        if content_length > settings.UPLOAD_MAX_BYTES:
            most = settings.UPLOAD_MAX_BYTES // MEGABYTE
            raise BadRequest(f"That is too large: {most} MB at most. Go back and choose less.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass it on."""
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        """Leave the file to the next handler."""
        return None
