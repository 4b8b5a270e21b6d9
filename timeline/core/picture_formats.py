"""What pictures are taken, and what is made of them."""

from __future__ import annotations

# What is uploaded: bytes, and pixels once it is decoded (a 50-megapixel camera's picture passes).
MAX_BYTES = 15 * 1024 * 1024
MAX_PIXELS = 52_000_000
MAX_ICC_BYTES = 4 * 1024 * 1024

# The widths that pages use, in pixels: small ones in lists, the rest on a moment's page.
WIDTHS = (192, 384, 640, 960, 1280, 1920)
LARGEST = WIDTHS[-1]
# Of a very long picture also the height is bounded.
TALLEST = 2 * LARGEST
SMALL = WIDTHS[:2]
MIDDLE = 960

# How each is made, by its ending, the best first: browsers take the first that they know.
TYPES = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}

SOURCE = "source"


def widths_of(width: int) -> tuple[int, ...]:
    """Return the widths in which a picture of this width is kept; it is never made larger."""
    return (*(each for each in WIDTHS if each < width), width)


def is_picture(head: bytes) -> bool:
    """Tell by its first 16 bytes whether a file says that it is JPEG, PNG, WebP or AVIF.

    Whether it is one is found out where it is decoded.
    """
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis", b"mif1", b"msf1"))
    )
