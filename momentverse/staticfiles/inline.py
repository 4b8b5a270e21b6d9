"""What stands inside of each page instead of being fetched: a page's first view is then one answer.

The styles; the icon; the rules by which browsers may fetch links ahead; and
the few lines that load the page's own scripts once it has been seen. The
policy allows styles and scripts by their hash, and no others: settings and
templates both read them here. While developing the styles are a file of their
own, so that a change is seen at the next reload.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import quote

from rcssmin import cssmin  # type: ignore[import-untyped]

from momentverse.staticfiles.storage import as_served

STATIC = Path(__file__).resolve().parents[2] / "static"
ICON = STATIC / "img" / "icon.svg"
STYLES = STATIC / "css" / "site.css"
RULES = STATIC / "js" / "links.speculationrules"
LOADER = STATIC / "js" / "after-paint.js"


def source_of(text: str) -> str:
    """Return what Content-Security-Policy allows an inline element by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def data_address(svg: str) -> str:
    """Return a drawing as an address for an attribute; what compresses well is left as it stands."""
    return "data:image/svg+xml," + quote(svg.strip().replace('"', "'"), safe="/:=',.()")


INLINE_ICON = data_address(ICON.read_text(encoding="utf-8"))
INLINE_STYLES = str(cssmin(STYLES.read_text(encoding="utf-8")))
INLINE_RULES = json.dumps(json.loads(RULES.read_text(encoding="utf-8")), separators=(",", ":"))
INLINE_LOADER = as_served(LOADER.read_bytes()).decode()
# As Content-Security-Policy's style-src and script-src take them.
STYLES_SOURCE = source_of(INLINE_STYLES)
SCRIPT_SOURCES = [source_of(INLINE_RULES), source_of(INLINE_LOADER)]
