"""Makes all of a picture's files: ``python -m timeline.services.pictures.encoder SOURCE FOLDER``.

A process of its own, with bounded memory and time, and without Django: what
strangers send is decoded here, and whatever it does to the decoder it does to
nobody else. It prints one line of JSON: what was made, or why the picture is
refused.

Every file is made of pixels alone: orientation and colour space are applied
first, and nothing else of the source is taken along.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

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
WHITE = "#ffffff"  # behind what is transparent
PLACEHOLDER_WIDTH = 16

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "avif": {"format": "AVIF", "quality": 55, "speed": 7, "max_threads": 1},
    "webp": {"format": "WEBP", "quality": 78, "method": 4},
    "jpg": {"format": "JPEG", "quality": 80, "optimize": True, "progressive": True},
}


class UnusablePicture(Exception):
    """The picture cannot be taken; the text is a sentence for its owner."""


def encode(source: Path, folder: Path) -> dict[str, Any]:
    """Make all files of ``source`` in ``folder``; return size and placeholder. Raises Refused."""
    picture = _shrink_to_limits(_decode(source))
    for width in list_widths(picture.width):
        small = _resize(picture, width)
        for ending, how in SAVE_OPTIONS.items():
            small.save(folder / f"{width}.{ending}", **how)
    return {
        "width": picture.width,
        "height": picture.height,
        "placeholder": _build_placeholder(picture),
    }


def _decode(source: Path) -> Image.Image:
    """Return the first frame, upright, in sRGB. Raises Refused."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(source, formats=FORMATS) as image:
            # A JPEG of a camera need not be decoded at its full size.
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
    except Exception:  # noqa: BLE001  decoders fail in every way there is
        raise UnusablePicture("The picture is damaged, or a part of it is missing.") from None


def _flatten(image: Image.Image) -> Image.Image:
    """Return the picture on white, as grey, RGB or CMYK of 8 bits."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, WHITE)
        return Image.alpha_composite(ground, image).convert("RGB")
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _convert_to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Return pixels and nothing else, in sRGB."""
    converted = None
    if icc and len(icc) <= MAX_ICC_BYTES:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            converted = None  # a profile that is broken, or another kind of picture's
    pixels = converted or image.convert("RGB")
    clean = Image.new("RGB", pixels.size)
    clean.paste(pixels)
    return clean


def _shrink_to_limits(picture: Image.Image) -> Image.Image:
    """Return the picture no larger than the largest that is kept."""
    picture.thumbnail((MAX_WIDTH, MAX_HEIGHT), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return picture


def _resize(picture: Image.Image, width: int) -> Image.Image:
    if width == picture.width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _build_placeholder(picture: Image.Image) -> str:
    """Return the picture in a few hundred bytes, as an address that holds it: it is shown blurred."""
    tiny = picture.copy()
    tiny.thumbnail((PLACEHOLDER_WIDTH, PLACEHOLDER_WIDTH), Image.Resampling.BOX)
    data = io.BytesIO()
    tiny.save(data, format="WEBP", quality=30, method=6)
    return f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"


def _limit_resources() -> None:
    """Let this process take no more than its share, where the system can keep it from that."""
    if not HAS_RESOURCE_LIMITS:
        return
    for what, most in (
        (resource.RLIMIT_AS, MAX_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # macOS knows no bound of addresses
            resource.setrlimit(what, (most, most))


def main() -> None:
    """Run as a process of its own."""
    source, folder = (Path(argument) for argument in sys.argv[1:])
    _limit_resources()
    try:
        answer = encode(source, folder)
    except UnusablePicture as refusal:
        answer = {"refused": str(refusal)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
