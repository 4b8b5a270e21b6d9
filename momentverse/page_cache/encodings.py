"""Compressed forms of a page: which one a client gets, and how each is made."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache

import brotli
import zstandard

# The smallest first: of what a client takes equally, it gets the first.
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    # Made once and sent often, but while somebody waits: 14 kB take about a millisecond each.
    "br": lambda body: bytes(brotli.compress(body, quality=5)),
    "zstd": lambda body: zstandard.compress(body, 9),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}
IDENTITY = ""
_COMPRESSIBLE = (
    "text/",
    "application/json",
    "application/xml",
    "application/atom+xml",
    "image/svg",
)
# Below this, headers weigh more than what is saved.
MIN_BYTES = 200


@lru_cache(maxsize=256)
def choose_encoding(accept_encoding: str) -> str:
    """Return the encoding for a client's Accept-Encoding; ``""`` is the page as it is."""
    weights = dict(_parse_weight(part) for part in accept_encoding.lower().split(","))
    anything = weights.get("*", 0.0)
    liked = {name: weights.get(name, anything) for name in ENCODERS}
    best = max(liked, key=lambda name: liked[name])
    return best if liked[best] > 0 else IDENTITY


def _parse_weight(part: str) -> tuple[str, float]:
    name, _, parameter = part.partition(";")
    if not parameter:
        return name.strip(), 1.0
    try:
        return name.strip(), float(parameter.strip().removeprefix("q="))
    except ValueError:
        return name.strip(), 0.0


def encode(body: bytes, content_type: str, wanted: str) -> tuple[str, bytes]:
    """Return a page's body for who wants an encoding, and the one that it has: none where it does not pay."""
    if wanted == IDENTITY or len(body) < MIN_BYTES or not content_type.startswith(_COMPRESSIBLE):
        return IDENTITY, body
    return wanted, ENCODERS[wanted](body)
