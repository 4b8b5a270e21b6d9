"""Text as a browser shows it."""

from __future__ import annotations


def collapse_whitespace(html: str) -> str:
    """Return HTML with each run of spaces and line breaks replaced by one space, as browsers render it."""
    return " ".join(html.split())
