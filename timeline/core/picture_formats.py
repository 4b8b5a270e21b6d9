"""Limits for uploaded pictures, and the sizes and formats we make of them."""

from __future__ import annotations

# Limits for uploads. The pixels are counted before decoding; a 50-megapixel camera's picture passes.
MAX_BYTES = 15 * 1024 * 1024
MAX_PIXELS = 52_000_000
MAX_ICC_BYTES = 4 * 1024 * 1024

# Widths in pixels: the first two are for lists, the others for a moment's page.
WIDTHS = (192, 384, 640, 960, 1280, 1920)
MAX_WIDTH = WIDTHS[-1]
# Very long pictures are also limited in height.
MAX_HEIGHT = 2 * MAX_WIDTH
THUMBNAIL_WIDTHS = WIDTHS[:2]
# The JPEG for browsers that support neither AVIF nor WebP is at most this wide.
FALLBACK_WIDTH = 960

# Content type by file extension, best first: browsers take the first type that they support.
CONTENT_TYPES = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}

# Name of the uploaded file in the storage, until it is processed.
ORIGINAL_NAME = "source"


def list_widths(width: int) -> tuple[int, ...]:
    """Return the widths that we make of a picture of this width. We never enlarge a picture."""
    return (*(each for each in WIDTHS if each < width), width)


def has_picture_signature(head: bytes) -> bool:
    """Return whether a file's first 16 bytes are those of a JPEG, PNG, WebP or AVIF file.

    Only decoding shows whether the file really is one.
    """
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", b"mif1", b"msf1"))
    )
