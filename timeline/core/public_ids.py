"""Random ids of moments, and how they stand in an address.

An id is 63 random bits: it cannot be guessed, which is all that protects an
unlisted moment, and fits a ``bigint``. In addresses it is eleven characters of
base 58 (digits and letters without 0, O, I and l, as Bitcoin addresses use).
"""

from __future__ import annotations

import secrets

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
LENGTH = 11
BITS = 63

_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def random_id() -> int:
    """Return a new id."""
    return secrets.randbits(BITS)


def encode_id(number: int) -> str:
    """Return an id as it stands in addresses, always eleven characters."""
    characters = []
    for _ in range(LENGTH):
        number, value = divmod(number, 58)
        characters.append(ALPHABET[value])
    return "".join(reversed(characters))


def decode_id(text: str) -> int:
    """Return the id that ``text`` stands for. Raises ValueError when it stands for none."""
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
    """Path converter: ``<id:pk>`` is an id in an address, an int in the view."""

    regex = f"[{ALPHABET}]{{{LENGTH}}}"

    def to_python(self, value: str) -> int:
        """Return the id; ValueError, which is "no such address", when it is none."""
        return decode_id(value)

    def to_url(self, value: int) -> str:
        """Return the address's part."""
        return encode_id(value)
