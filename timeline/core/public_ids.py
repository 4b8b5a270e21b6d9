"""Random ids of moments and orders, and their form in URLs.

An id is 63 random bits. It fits a ``bigint`` and cannot be guessed, which is the
only protection of an unlisted moment. In URLs it is eleven characters of base 58
(digits and letters without 0, O, I and l, the alphabet of Bitcoin addresses).
"""

from __future__ import annotations

import secrets

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LENGTH = 11
BITS = 63

_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def random_id() -> int:
    """Return a new random id."""
    return secrets.randbits(BITS)


def encode_id(number: int) -> str:
    """Return an id in its URL form, which always has eleven characters."""
    characters = []
    for _ in range(LENGTH):
        number, value = divmod(number, 58)
        characters.append(ALPHABET[value])
    return "".join(reversed(characters))


def decode_id(text: str) -> int:
    """Return the id with this URL form. Raises ValueError if ``text`` is not one."""
    if len(text) != LENGTH:
        raise ValueError(text)
    number = 0
    for character in text:
        try:
            number = number * 58 + _VALUES[character]
        except KeyError:
            raise ValueError(text) from None
    if number >= 1 << BITS:
        raise ValueError(text)
    return number


class PublicIdConverter:
    """URL path converter: ``<id:pk>`` is the public form in the URL and an int in the view."""

    regex = f"[{ALPHABET}]{{{LENGTH}}}"

    def to_python(self, value: str) -> int:
        """Return the id. Django answers 404 to the ValueError for other texts."""
        return decode_id(value)

    def to_url(self, value: int) -> str:
        return encode_id(value)
