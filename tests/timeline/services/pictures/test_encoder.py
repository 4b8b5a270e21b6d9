"""What the encoder makes of what people send: it is run as it is run on the site, in a process of its own."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from PIL import Image

from tests.support.picture_samples import (
    BLUE,
    CANARY,
    RED,
    SVG,
    XMP,
    chunk,
    exif,
    gif,
    halves,
    png,
    profile,
    saved,
    swapped_profile,
)
from tests.support.servers import ROOT
from timeline.core.picture_formats import (
    CONTENT_TYPES,
    MAX_PIXELS,
    has_picture_signature,
    list_widths,
)


@pytest.fixture
def encode(tmp_path):
    """Return a function that encodes a file: its answer, and the folder of what was made."""

    def run(content):
        source, folder = tmp_path / "source", tmp_path / "made"
        source.write_bytes(content)
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "timeline.services.pictures.encoder", source, folder],
            cwd=ROOT, env={}, capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout), folder

    return run


def made(folder):
    """Return all that was made, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def close(pixel, colour):
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


def left_and_right(folder, width):
    for ending in CONTENT_TYPES:
        with Image.open(folder / f"{width}.{ending}") as image:
            rgb = image.convert("RGB")
            middle = rgb.height // 2
            yield rgb.getpixel((5, middle)), rgb.getpixel((rgb.width - 6, middle))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_it_works(encode, kind):
    answer, folder = encode(saved(halves(1000, 750), kind))
    assert (answer["width"], answer["height"]) == (1000, 750)
    assert answer["placeholder"].startswith("data:image/webp;base64,")
    assert len(answer["placeholder"]) < 500
    names = {
        f"{width}.{ending}" for width in (192, 384, 640, 960, 1000) for ending in CONTENT_TYPES
    }
    assert made(folder).keys() == names
    for name in names:
        with Image.open(folder / name) as image:
            assert (
                image.format == {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[name.split(".")[1]]
            )
            assert image.width == int(name.split(".")[0])
            assert image.height == round(image.width * 0.75)
    for left, right in left_and_right(folder, 640):
        assert close(left, RED)
        assert close(right, BLUE)


def test_a_large_one_is_made_smaller_and_a_small_one_not_larger(encode):
    answer, _ = encode(saved(halves(4000, 3000)))
    assert (answer["width"], answer["height"]) == (1920, 1440)
    answer, folder = encode(saved(halves(20, 10)))
    assert (answer["width"], answer["height"]) == (20, 10)
    assert list_widths(20) == (20,)
    assert "20.avif" in made(folder)


def test_a_very_long_one_is_bounded(encode):
    answer, _ = encode(saved(halves(100, 20_000)))
    assert answer["height"] <= 3840
    assert answer["width"] >= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_nothing_but_pixels_is_kept(encode, kind):
    """Edge case 21: EXIF with GPS, XMP, comments, profiles, an embedded thumbnail."""
    more = {"PNG": {}, "JPEG": {"comment": CANARY}, "WEBP": {}, "AVIF": {}}[kind]
    content = saved(halves(), kind, exif=exif(), xmp=XMP, icc_profile=profile(), **more)
    if kind == "PNG":
        content = content.replace(
            b"\x00\x00\x00\x00IEND", chunk(b"tEXt", b"Author\0" + CANARY) + b"\x00\x00\x00\x00IEND"
        )
    assert CANARY in content
    _, folder = encode(content)
    for name, file in made(folder).items():
        assert CANARY not in file, name
        with Image.open(io.BytesIO(file)) as image:
            assert not image.getexif(), name
            assert not {"exif", "xmp", "icc_profile", "comment"} & image.info.keys(), name


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (400, 300)), (3, (400, 300)), (6, (300, 400)), (8, (300, 400))]
)
def test_it_stands_upright(encode, orientation, size):
    """Edge case 21: orientation is applied before it is removed."""
    answer, folder = encode(saved(halves(), exif=exif(orientation)))
    assert (answer["width"], answer["height"]) == size
    for left, right in left_and_right(folder, answer["width"]):
        if orientation in (1, 3):
            colours = (RED, BLUE) if orientation == 1 else (BLUE, RED)
            assert close(left, colours[0])
            assert close(right, colours[1])


def test_the_first_frame_is_taken(encode):
    """Edge case 20."""
    frames = [Image.new("RGB", (200, 100), colour) for colour in (RED, BLUE, BLUE)]
    for kind in ("WEBP", "PNG", "AVIF"):
        _, folder = encode(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
        for left, _ in left_and_right(folder, 200):
            assert close(left, RED), kind
        with Image.open(folder / "200.webp") as image:
            assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK", "YCbCr"])
def test_every_kind_of_pixels(encode, mode):
    """Edge case 20: CMYK, palettes, 16 bits, one bit, transparency."""
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    image = halves(mode="L").convert("I;16") if mode == "I;16" else halves(mode=mode)
    answer, folder = encode(saved(image, kind))
    assert answer["width"] == 400
    for left, right in left_and_right(folder, 400):
        if mode in ("RGBA", "P", "CMYK", "YCbCr"):
            assert close(left, RED)
            assert close(right, BLUE)


def test_16_bits_of_grey_are_scaled(encode):
    grey = Image.new("I;16", (300, 200), 0x8000)
    _, folder = encode(saved(grey, "PNG"))
    for left, _ in left_and_right(folder, 300):
        assert close(left, (128, 128, 128))


def test_what_is_transparent_is_on_white(encode):
    _, folder = encode(saved(Image.new("RGBA", (200, 200), (0, 0, 0, 0)), "PNG"))
    for left, _ in left_and_right(folder, 200):
        assert close(left, (255, 255, 255))


@pytest.mark.parametrize("icc", [b"no profile at all" * 9, profile(), b"\0" * 6_000_000])
def test_a_profile_that_is_broken_foreign_or_huge_is_passed_over(encode, icc):
    """Edge case 20."""
    answer, folder = encode(saved(halves(), icc_profile=icc))
    assert answer["width"] == 400
    for left, right in left_and_right(folder, 400):
        assert close(left, RED)
        assert close(right, BLUE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_colours_are_made_srgb(encode, kind):
    """The numbers change, so that without its profile the picture looks as it did with it."""
    answer, folder = encode(saved(halves(), kind, icc_profile=swapped_profile()))
    for left, right in left_and_right(folder, answer["width"]):
        assert close(left, BLUE)
        assert close(right, RED)


def test_bombs_are_refused_before_they_are_decoded(encode):
    """Edge case 20: a PNG of 50,000 × 50,000 pixels, and one just over the bound."""
    for width, height in ((50_000, 50_000), (MAX_PIXELS // 1000 + 1, 1000)):
        answer, folder = encode(png(width, height))
        assert "too many pixels" in answer["refused"]
        assert made(folder) == {}


def test_a_chunk_that_unpacks_to_much_is_refused(encode):
    """Edge case 20: 200 MB of text in a PNG of 200 kB."""
    import zlib

    bomb = b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000, 9)
    answer, _ = encode(png(10, 10, chunk(b"zTXt", bomb)))
    assert "damaged" in answer["refused"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_what_is_cut_off_is_refused(encode, kind):
    """Edge case 20: a truncated file."""
    content = saved(halves(), kind)
    for part in (len(content) // 2, 40):
        answer, folder = encode(content[:part])
        assert "refused" in answer
        assert made(folder) == {}


@pytest.mark.parametrize(
    "content", [gif(300), SVG, b"%PDF-1.7", b"", b"BM" + b"\0" * 60, saved(halves(), "TIFF")],
    ids=["gif", "svg", "pdf", "empty", "bmp", "tiff"],
)  # fmt: skip
def test_other_formats_are_refused(encode, content):
    """Edge case 20: by content, both where it is uploaded and where it is decoded."""
    assert not has_picture_signature(content[:16])
    answer, _ = encode(content)
    assert "no picture that can be read" in answer["refused"]


def test_what_hides_behind_a_picture_is_left_behind(encode):
    """Edge case 20: a file that is a picture and a page, or a picture and an archive."""
    page = b"<script>alert('" + CANARY + b"')</script>"
    for content in (saved(halves()) + page, saved(halves(), "PNG") + b"PK\x03\x04" + page,
                    saved(halves(), comment=page)):  # fmt: skip
        answer, folder = encode(content)
        assert "refused" not in answer
        assert not any(CANARY in file or b"<script" in file for file in made(folder).values())


@pytest.mark.parametrize("seed", range(20))
def test_noise_in_a_picture_ends_nothing_but_the_picture(encode, seed):
    """Edge case 20: it is made, or refused in a sentence."""
    import random

    chance = random.Random(seed)
    content = bytearray(saved(halves(), ("JPEG", "PNG", "WEBP", "AVIF")[seed % 4]))
    for _ in range(20):
        content[chance.randrange(16, len(content))] = chance.randrange(256)
    answer, _ = encode(bytes(content))
    assert answer.get("refused", "").endswith(".") or answer["width"]
