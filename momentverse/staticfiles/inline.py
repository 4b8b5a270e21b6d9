"""What is inlined into each page, so that the first view of a page needs one response only.

These are the styles, the icon, the speculation rules (which links browsers may prefetch), and the
lines that load the page's own scripts after the first paint. The Content-Security-Policy allows
inline styles and scripts by their hash and no others, so settings and templates both read them
here. In development the styles are a file of their own, so that a change is visible at the next
reload.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import quote

from rcssmin import cssmin  # type: ignore[import-untyped]

from momentverse.staticfiles.storage import minify_module

STATIC = Path(__file__).resolve().parents[2] / "static"
ICON = STATIC / "img" / "icon.svg"
STYLES = STATIC / "css" / "site.css"
RULES = STATIC / "js" / "links.speculationrules"
LOADER = STATIC / "js" / "after-paint.js"


def get_csp_source(text: str) -> str:
    """Return the source expression that allows an inline element in the Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def build_data_url(svg: str) -> str:
    """Return an SVG image as a data: URL for an attribute. Unescaped where possible, to compress well."""
    return "data:image/svg+xml," + quote(svg.strip().replace('"', "'"), safe="/:=',.()")


INLINE_ICON = build_data_url(ICON.read_text(encoding="utf-8"))
INLINE_STYLES = str(cssmin(STYLES.read_text(encoding="utf-8")))
INLINE_RULES = json.dumps(json.loads(RULES.read_text(encoding="utf-8")), separators=(",", ":"))
INLINE_LOADER = minify_module(LOADER.read_bytes()).decode()
# For the style-src and script-src directives.
STYLES_SOURCE = get_csp_source(INLINE_STYLES)
SCRIPT_SOURCES = [get_csp_source(INLINE_RULES), get_csp_source(INLINE_LOADER)]
