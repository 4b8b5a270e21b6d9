"""The encoder, run as on the site: in a process of its own."""

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
    build_exif,
    build_foreign_profile,
    build_gif,
    build_picture,
    build_png,
    build_png_chunk,
    build_swapped_profile,
    encode_image,
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
    """Return a function that encodes a file and returns the answer and the folder with the results."""

    def run(content):
        source, folder = tmp_path / "source", tmp_path / "encoded"
        source.write_bytes(content)
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "timeline.services.pictures.encoder", source, folder],
            cwd=ROOT, env={}, capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout), folder

    return run


def read_files(folder):
    """Return the content of all files by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def is_close(pixel, colour):
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


def list_edge_colours(folder, width):
    for extension in CONTENT_TYPES:
        with Image.open(folder / f"{width}.{extension}") as image:
            rgb = image.convert("RGB")
            middle = rgb.height // 2
            yield rgb.getpixel((5, middle)), rgb.getpixel((rgb.width - 6, middle))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_it_works(encode, kind):
    answer, folder = encode(encode_image(build_picture(1000, 750), kind))
    assert (answer["width"], answer["height"]) == (1000, 750)
    assert answer["placeholder"].startswith("data:image/webp;base64,")
    assert len(answer["placeholder"]) < 500
    names = {
        f"{width}.{extension}"
        for width in (192, 384, 640, 960, 1000)
        for extension in CONTENT_TYPES
    }
    assert read_files(folder).keys() == names
    for name in names:
        with Image.open(folder / name) as image:
            assert (
                image.format == {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[name.split(".")[1]]
            )
            assert image.width == int(name.split(".")[0])
            assert image.height == round(image.width * 0.75)
    for left, right in list_edge_colours(folder, 640):
        assert is_close(left, RED)
        assert is_close(right, BLUE)


def test_large_picture_is_reduced_and_small_picture_is_not_enlarged(encode):
    answer, _ = encode(encode_image(build_picture(4000, 3000)))
    assert (answer["width"], answer["height"]) == (1920, 1440)
    answer, folder = encode(encode_image(build_picture(20, 10)))
    assert (answer["width"], answer["height"]) == (20, 10)
    assert list_widths(20) == (20,)
    assert "20.avif" in read_files(folder)


def test_height_of_a_very_long_picture_is_limited(encode):
    answer, _ = encode(encode_image(build_picture(100, 20_000)))
    assert answer["height"] <= 3840
    assert answer["width"] >= 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_metadata_is_removed(encode, kind):
    """Edge case 21: EXIF with GPS, XMP, comments, profiles, an embedded thumbnail."""
    more = {"PNG": {}, "JPEG": {"comment": CANARY}, "WEBP": {}, "AVIF": {}}[kind]
    content = encode_image(
        build_picture(),
        kind,
        exif=build_exif(),
        xmp=XMP,
        icc_profile=build_foreign_profile(),
        **more,
    )
    if kind == "PNG":
        content = content.replace(
            b"\x00\x00\x00\x00IEND",
            build_png_chunk(b"tEXt", b"Author\0" + CANARY) + b"\x00\x00\x00\x00IEND",
        )
    assert CANARY in content
    _, folder = encode(content)
    for name, file in read_files(folder).items():
        assert CANARY not in file, name
        with Image.open(io.BytesIO(file)) as image:
            assert not image.getexif(), name
            assert not {"exif", "xmp", "icc_profile", "comment"} & image.info.keys(), name


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (400, 300)), (3, (400, 300)), (6, (300, 400)), (8, (300, 400))]
)
def test_orientation_is_applied(encode, orientation, size):
    """Edge case 21: orientation is applied before it is removed."""
    answer, folder = encode(encode_image(build_picture(), exif=build_exif(orientation)))
    assert (answer["width"], answer["height"]) == size
    for left, right in list_edge_colours(folder, answer["width"]):
        if orientation in (1, 3):
            colours = (RED, BLUE) if orientation == 1 else (BLUE, RED)
            assert is_close(left, colours[0])
            assert is_close(right, colours[1])


def test_first_frame_is_used(encode):
    """Edge case 20."""
    frames = [Image.new("RGB", (200, 100), colour) for colour in (RED, BLUE, BLUE)]
    for kind in ("WEBP", "PNG", "AVIF"):
        _, folder = encode(encode_image(frames[0], kind, save_all=True, append_images=frames[1:]))
        for left, _ in list_edge_colours(folder, 200):
            assert is_close(left, RED), kind
        with Image.open(folder / "200.webp") as image:
            assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16", "CMYK", "YCbCr"])
def test_every_pixel_format_is_encoded(encode, mode):
    """Edge case 20: CMYK, palettes, 16 bits, one bit, transparency."""
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    image = build_picture(mode="L").convert("I;16") if mode == "I;16" else build_picture(mode=mode)
    answer, folder = encode(encode_image(image, kind))
    assert answer["width"] == 400
    for left, right in list_edge_colours(folder, 400):
        if mode in ("RGBA", "P", "CMYK", "YCbCr"):
            assert is_close(left, RED)
            assert is_close(right, BLUE)


def test_16_bit_grey_is_scaled(encode):
    grey = Image.new("I;16", (300, 200), 0x8000)
    _, folder = encode(encode_image(grey, "PNG"))
    for left, _ in list_edge_colours(folder, 300):
        assert is_close(left, (128, 128, 128))


def test_transparency_becomes_white(encode):
    _, folder = encode(encode_image(Image.new("RGBA", (200, 200), (0, 0, 0, 0)), "PNG"))
    for left, _ in list_edge_colours(folder, 200):
        assert is_close(left, (255, 255, 255))


@pytest.mark.parametrize(
    "icc", [b"no profile at all" * 9, build_foreign_profile(), b"\0" * 6_000_000]
)
def test_broken_foreign_or_huge_profile_is_ignored(encode, icc):
    """Edge case 20."""
    answer, folder = encode(encode_image(build_picture(), icc_profile=icc))
    assert answer["width"] == 400
    for left, right in list_edge_colours(folder, 400):
        assert is_close(left, RED)
        assert is_close(right, BLUE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_colours_are_converted_to_srgb(encode, kind):
    """Pixel values change, so that the picture looks the same without its profile."""
    answer, folder = encode(
        encode_image(build_picture(), kind, icc_profile=build_swapped_profile())
    )
    for left, right in list_edge_colours(folder, answer["width"]):
        assert is_close(left, BLUE)
        assert is_close(right, RED)


def test_decompression_bomb_is_refused_before_decoding(encode):
    """Edge case 20: a PNG of 50,000 × 50,000 pixels, and one just over the limit."""
    for width, height in ((50_000, 50_000), (MAX_PIXELS // 1000 + 1, 1000)):
        answer, folder = encode(build_png(width, height))
        assert "too many pixels" in answer["refused"]
        assert read_files(folder) == {}


def test_chunk_that_decompresses_to_a_huge_size_is_refused(encode):
    """Edge case 20: 200 MB of compressed text in a PNG of 200 kB."""
    import zlib

    bomb = b"Comment\0\0" + zlib.compress(b"\0" * 200_000_000, 9)
    answer, _ = encode(build_png(10, 10, build_png_chunk(b"zTXt", bomb)))
    assert "damaged" in answer["refused"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_truncated_file_is_refused(encode, kind):
    """Edge case 20: a truncated file."""
    content = encode_image(build_picture(), kind)
    for part in (len(content) // 2, 40):
        answer, folder = encode(content[:part])
        assert "refused" in answer
        assert read_files(folder) == {}


@pytest.mark.parametrize(
    "content",
    [
        build_gif(300),
        SVG,
        b"%PDF-1.7",
        b"",
        b"BM" + b"\0" * 60,
        encode_image(build_picture(), "TIFF"),
    ],
    ids=["gif", "svg", "pdf", "empty", "bmp", "tiff"],
)
def test_other_formats_are_refused(encode, content):
    """Edge case 20: recognised by their content, both at the upload and by the decoder."""
    assert not has_picture_signature(content[:16])
    answer, _ = encode(content)
    assert "no picture that can be read" in answer["refused"]


def test_data_hidden_in_a_picture_is_dropped(encode):
    """Edge case 20: a file that is also an HTML page or a ZIP archive."""
    page = b"<script>alert('" + CANARY + b"')</script>"
    for content in (
        encode_image(build_picture()) + page,
        encode_image(build_picture(), "PNG") + b"PK\x03\x04" + page,
        encode_image(build_picture(), comment=page),
    ):
        answer, folder = encode(content)
        assert "refused" not in answer
        assert not any(CANARY in file or b"<script" in file for file in read_files(folder).values())


@pytest.mark.parametrize("seed", range(20))
def test_corrupted_picture_is_encoded_or_refused(encode, seed):
    """Edge case 20: the picture is encoded, or refused with a sentence."""
    import random

    chance = random.Random(seed)
    content = bytearray(encode_image(build_picture(), ("JPEG", "PNG", "WEBP", "AVIF")[seed % 4]))
    for _ in range(20):
        content[chance.randrange(16, len(content))] = chance.randrange(256)
    answer, _ = encode(bytes(content))
    assert answer.get("refused", "").endswith(".") or answer["width"]
