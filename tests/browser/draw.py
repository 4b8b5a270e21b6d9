"""``python -m tests.browser.draw``: draw the site's icons and its card from the SVGs in ``static/img``.

Chromium draws them. The results are committed, so run this after a change to an SVG.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import CHROMIUM_ARGUMENTS, find_chromium
from tests.support.servers import ROOT

IMAGES = ROOT / "static" / "img"
COLOURS = 256


@dataclass(frozen=True)
class Drawing:
    """A PNG file and the SVG it is drawn from."""

    name: str
    source: str
    width: int
    height: int


DRAWINGS = [
    Drawing("icon-180.png", "icon-maskable.svg", 180, 180),
    Drawing("icon-192.png", "icon.svg", 192, 192),
    Drawing("icon-512.png", "icon.svg", 512, 512),
    Drawing("icon-maskable-512.png", "icon-maskable.svg", 512, 512),
    Drawing("card.png", "card.svg", 1200, 630),
]
FAVICON = Drawing("favicon.ico", "icon.svg", 32, 32)


def render_png(browser: Browser, drawing: Drawing) -> bytes:
    """Return the PNG, reduced to a palette of ``COLOURS``."""
    page = browser.new_page(viewport={"width": drawing.width, "height": drawing.height})
    page.set_content(f"<style>body {{ margin: 0 }}</style>{(IMAGES / drawing.source).read_text()}")
    image = Image.open(io.BytesIO(page.screenshot(omit_background=True)))
    page.close()
    # Maximum coverage keeps the gold of the few star pixels beside the many blues of the sky, but it
    # does not support transparency.
    method = Image.Quantize.MAXCOVERAGE if image.mode == "RGB" else Image.Quantize.FASTOCTREE
    out = io.BytesIO()
    image.quantize(COLOURS, method).save(out, "PNG", optimize=True)
    return out.getvalue()


def build_ico(png: bytes, size: int) -> bytes:
    """Return an ICO file that contains one PNG."""
    header = struct.pack("<HHH", 0, 1, 1)
    entry = struct.pack("<BBBBHHII", size, size, 0, 0, 1, 32, len(png), len(header) + 16)
    return header + entry + png


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS
        )
        for drawing in DRAWINGS:
            write(IMAGES / drawing.name, render_png(browser, drawing))
        write(IMAGES / FAVICON.name, build_ico(render_png(browser, FAVICON), FAVICON.width))
        browser.close()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    print(f"{path.name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
