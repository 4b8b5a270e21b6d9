"""The site's styles, which stand inside of each page: one round trip less before anything is seen.

The policy allows them by their hash, and no others: settings and templates
both read them here. While developing they are a file of their own, so that a
change is seen at the next reload.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

STYLES = Path(__file__).resolve().parent.parent / "static" / "css" / "site.css"


def without_comments(styles: str) -> str:
    """Return styles for browsers: no comments, no indentation, no empty lines."""
    bare = re.sub(r"/\*.*?\*/", "", styles, flags=re.DOTALL)
    return "\n".join(line.strip() for line in bare.splitlines() if line.strip())


INLINE_STYLES = without_comments(STYLES.read_text(encoding="utf-8"))
# As Content-Security-Policy's style-src takes it.
STYLES_SOURCE = (
    f"'sha256-{base64.b64encode(hashlib.sha256(INLINE_STYLES.encode()).digest()).decode()}'"
)
