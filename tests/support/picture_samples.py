"""Generated sample pictures: ordinary ones, and ones that an attacker might upload."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, TiffImagePlugin

# Metadata that no stored file may contain.
CANARY = b"quokka-of-the-north"
ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F
RED, BLUE = (200, 30, 30), (30, 30, 200)


def build_picture(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image.convert(mode)


def encode_image(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


def build_exif(orientation: int = 1) -> Image.Exif:
    """Return EXIF data like a phone's: orientation, manufacturer and GPS position."""
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    tags[MAKER] = CANARY.decode()
    tags[GPS] = {1: "N", 2: tuple(TiffImagePlugin.IFDRational(n) for n in (48, 51, 30)),
                 29: CANARY.decode()}  # fmt: skip
    return tags


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><creator>' + CANARY + b"</creator></x:xmpmeta>"


def build_foreign_profile() -> bytes:
    """Return a colour profile of another colour model (Lab)."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def build_swapped_profile() -> bytes:
    """Return the sRGB profile with red and blue swapped."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def build_png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def build_png(width: int, height: int, *more: bytes) -> bytes:
    """Return a PNG whose header claims this size, with almost no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 10_000)
    parts = [
        build_png_chunk(b"IHDR", header),
        *more,
        build_png_chunk(b"IDAT", body),
        build_png_chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def build_gif(frames: int) -> bytes:
    images = [Image.new("P", (10, 10), number % 250) for number in range(frames)]
    return encode_image(images[0], "GIF", save_all=True, append_images=images[1:])


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
