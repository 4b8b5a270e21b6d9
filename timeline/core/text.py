"""Normalise text that people write, and remove characters that could mislead readers."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.text import slugify

# Embeddings, overrides and isolates: they could make a title run over the text beside it.
BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Characters without ink. Zero-width joiners stay in a text, because emoji and some scripts need
# them, but a text that consists of these alone is refused.
INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u2060\u2800\u3164\ufeff\uffa0"
)
MAX_SLUG_LENGTH = 60
# These are pages below a moment's URL, so they cannot be slugs.
RESERVED_SLUGS = frozenset({"edit", "like", "picture", "report"})


def normalize_line(text: str) -> str:
    """Return one line of text: NFC, single spaces, no control or bidi characters.

    Raises ValidationError for NUL, a lone surrogate, or a text without a visible character.
    """
    line = " ".join(_normalize(text, keep="").split())
    if not any(_is_visible(character) for character in line):
        raise ValidationError("Write something that can be seen.")
    return line


def normalize_text(text: str) -> str:
    """Return text of several lines: NFC, line feeds only, no control or bidi characters.

    Raises ValidationError for NUL or a lone surrogate.
    """
    return _normalize(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t").strip()


def build_slug(title: str) -> str:
    """Return the readable part of a moment's URL: ASCII, or ``moment`` if the title has none."""
    slug = slugify(title)[:MAX_SLUG_LENGTH].strip("-")
    return "moment" if not slug or slug in RESERVED_SLUGS else slug


def _normalize(text: str, keep: str) -> str:
    """Return the text in NFC. White space other than ``keep`` becomes a space."""
    if "\0" in text:
        raise ValidationError("The text holds a NUL character.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValidationError("The text holds half of a character.")
    text = unicodedata.normalize("NFC", text)
    return "".join(
        " " if character in "\n\t\r\v\f\u2028\u2029" and character not in keep else character
        for character in text
        if character in keep
        or character in "\n\t\r\v\f\u2028\u2029"
        or (unicodedata.category(character) != "Cc" and character not in BIDI_CONTROLS)
    )


def _is_visible(character: str) -> bool:
    return character not in INVISIBLE and unicodedata.category(character) not in (
        "Zs", "Zl", "Zp", "Cf", "Cc", "Cn", "Mn", "Me",
    )  # fmt: skip
