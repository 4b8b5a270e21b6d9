"""Content encodings: which one a client gets, and how to make each."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache

import brotli
import zstandard

# Smallest result first: of the encodings that a client prefers equally, it gets the first.
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    # Middle levels: the result is sent often, but a visitor waits for the first one. 14 kB take about
    # a millisecond each.
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
# Below this size the additional headers outweigh what compression saves.
MIN_BYTES = 200


@lru_cache(maxsize=256)
def choose_encoding(accept_encoding: str) -> str:
    """Return the encoding to use for an Accept-Encoding header; ``IDENTITY`` means uncompressed."""
    weights = dict(_parse_weight(part) for part in accept_encoding.lower().split(","))
    default = weights.get("*", 0.0)
    weight_of = {name: weights.get(name, default) for name in ENCODERS}
    best = max(weight_of, key=lambda name: weight_of[name])
    return best if weight_of[best] > 0 else IDENTITY


def _parse_weight(part: str) -> tuple[str, float]:
    name, _, parameter = part.partition(";")
    if not parameter:
        return name.strip(), 1.0
    try:
        return name.strip(), float(parameter.strip().removeprefix("q="))
    except ValueError:
        return name.strip(), 0.0


def encode(body: bytes, content_type: str, encoding: str) -> tuple[str, bytes]:
    """Return the encoding that was applied, and the encoded body.

    A body that is too small or not compressible stays as it is, with ``IDENTITY``.
    """
    if encoding == IDENTITY or len(body) < MIN_BYTES or not content_type.startswith(_COMPRESSIBLE):
        return IDENTITY, body
    return encoding, ENCODERS[encoding](body)
