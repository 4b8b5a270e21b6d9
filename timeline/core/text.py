"""What people write: normalised, without what could deceive the eye."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.text import slugify

# Embeddings, overrides and isolates: they could make a title run over the text beside it.
BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Zero-width joiners hold emoji and some scripts together: kept, but they are not visible by themselves.
INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u2060\u2800\u3164\ufeff\uffa0"
)
SLUG_LENGTH = 60
# Below a moment's address these are pages of their own.
RESERVED_SLUGS = frozenset({"edit", "like", "picture", "report"})


def clean_line(text: str) -> str:
    """Return one line of text: NFC, single spaces, no control or bidi characters.

    Raises ValidationError for NUL, a lone surrogate, or when nothing visible is left.
    """
    line = " ".join(_clean(text, keep="").split())
    if not any(_visible(character) for character in line):
        raise ValidationError("Write something that can be seen.")
    return line


def clean_story(text: str) -> str:
    """Return text of several lines: NFC, line feeds only, no control or bidi characters.

    Raises ValidationError for NUL or a lone surrogate.
    """
    return _clean(text.replace("\r\n", "\n").replace("\r", "\n"), keep="\n\t").strip()


def slug_of(title: str) -> str:
    """Return the decoration of an address: ASCII, possibly only ``moment``."""
    slug = slugify(title)[:SLUG_LENGTH].strip("-")
    return "moment" if not slug or slug in RESERVED_SLUGS else slug


def _clean(text: str, keep: str) -> str:
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


def _visible(character: str) -> bool:
    return character not in INVISIBLE and unicodedata.category(character) not in (
        "Zs", "Zl", "Zp", "Cf", "Cc", "Cn", "Mn", "Me",
    )  # fmt: skip
