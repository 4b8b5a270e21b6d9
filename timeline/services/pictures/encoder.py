"""Encode all files of a picture: ``python -m timeline.services.pictures.encoder SOURCE FOLDER``.

Runs as a process of its own, without Django and with limited memory and CPU
time. It decodes untrusted files, so an attack on the decoder stays in here. It
prints one line of JSON: the result, or the reason why the picture is refused.

Only pixels are copied from the source. Orientation and colour space are applied
to them first. Metadata is left out.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

try:
    import resource
except ImportError:  # on Windows
    HAS_RESOURCE_LIMITS = False
else:
    HAS_RESOURCE_LIMITS = True

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from timeline.core.picture_formats import (
    MAX_HEIGHT,
    MAX_ICC_BYTES,
    MAX_PIXELS,
    MAX_WIDTH,
    list_widths,
)

MAX_MEMORY_BYTES = 1536 * 1024 * 1024
MAX_CPU_SECONDS = 60
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
BACKGROUND = "#ffffff"  # behind transparent pixels
PLACEHOLDER_WIDTH = 16

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "avif": {"format": "AVIF", "quality": 55, "speed": 7, "max_threads": 1},
    "webp": {"format": "WEBP", "quality": 78, "method": 4},
    "jpg": {"format": "JPEG", "quality": 80, "optimize": True, "progressive": True},
}


class EncodedPicture(TypedDict):
    """The result of encoding: the size in pixels of the largest file, and a placeholder."""

    width: int
    height: int
    placeholder: str


class UnusablePicture(Exception):
    """The picture cannot be used. The message is a sentence for its owner."""


def encode(source: Path, folder: Path) -> EncodedPicture:
    """Write all files of the picture ``source`` to ``folder``. Raises UnusablePicture."""
    picture = _shrink_to_limits(_decode(source))
    for width in list_widths(picture.width):
        resized = _resize(picture, width)
        for extension, options in SAVE_OPTIONS.items():
            resized.save(folder / f"{width}.{extension}", **options)
    return EncodedPicture(
        width=picture.width, height=picture.height, placeholder=_build_placeholder(picture)
    )


def _decode(source: Path) -> Image.Image:
    """Return the first frame, upright, in sRGB. Raises UnusablePicture."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(source, formats=FORMATS) as image:
            # Large JPEGs are decoded at a reduced size, which is faster.
            image.draft(None, (MAX_WIDTH, MAX_WIDTH))
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _convert_to_srgb(_flatten(upright), image.info.get("icc_profile"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnusablePicture(
            f"The picture has too many pixels: {MAX_PIXELS // 1_000_000} million at most."
        ) from None
    except UnidentifiedImageError:
        raise UnusablePicture(
            "This is no picture that can be read: JPEG, PNG, WebP or AVIF."
        ) from None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  decoders raise all kinds of exceptions
        raise UnusablePicture("The picture is damaged, or a part of it is missing.") from None


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture on a white background, as grey, RGB or CMYK with 8 bits per channel."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, BACKGROUND)
        return Image.alpha_composite(background, image).convert("RGB")
    if image.mode.startswith("I"):  # grey with 16 bits
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _convert_to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Return a picture of the same pixels in sRGB, without any metadata."""
    converted = None
    if icc and len(icc) <= MAX_ICC_BYTES:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # the profile is broken, or made for another colour model
    pixels = converted or image.convert("RGB")
    clean = Image.new("RGB", pixels.size)
    clean.paste(pixels)
    return clean


def _shrink_to_limits(picture: Image.Image) -> Image.Image:
    """Return the picture, made smaller if it exceeds the largest size that we store."""
    picture.thumbnail((MAX_WIDTH, MAX_HEIGHT), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return picture


def _resize(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _build_placeholder(picture: Image.Image) -> str:
    """Return a tiny version of the picture as a ``data:`` URL of a few hundred bytes. It is shown blurred."""
    tiny = picture.copy()
    tiny.thumbnail((PLACEHOLDER_WIDTH, PLACEHOLDER_WIDTH), Image.Resampling.BOX)
    data = io.BytesIO()
    tiny.save(data, format="WEBP", quality=30, method=6)
    return f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"


def _limit_resources() -> None:
    """Limit memory and CPU time of this process, where the operating system supports it."""
    if not HAS_RESOURCE_LIMITS:
        return
    for limit, maximum in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # macOS cannot limit the address space
            resource.setrlimit(limit, (maximum, maximum))


def main() -> None:
    """Encode the picture named on the command line and print the result."""
    source, folder = (Path(argument) for argument in sys.argv[1:])
    _limit_resources()
    result: EncodedPicture | dict[str, str]
    try:
        result = encode(source, folder)
    except UnusablePicture as error:
        result = {"refused": str(error)}
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main()
