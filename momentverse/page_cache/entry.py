"""A cached page in one encoding, ready to be sent.

Stored as a line of JSON and then the body. Never pickled: whoever can write to the cache
can only change data, not run code.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from momentverse.page_cache.encodings import encode
from momentverse.page_cache.groups import STALE_SECONDS, Generations

Headers = list[tuple[str, str]]

# These differ from request to request and are not stored.
_REQUEST_HEADERS = frozenset(
    ("x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "date", "age")
)
# These differ from encoding to encoding; `serialize` sets them.
_ENCODING_HEADERS = frozenset(("content-length", "content-encoding", "etag", "vary"))
# These describe a body and are left out of a 304.
_BODY_HEADERS = frozenset(("content-length", "content-type", "content-encoding"))
# A response may vary only on what the cache key covers.
_KEY_HEADERS = frozenset(("accept-encoding", "cookie"))


@dataclass(frozen=True)
class EntryMetadata:
    """Everything in an entry but its body."""

    etag: str
    rendered_at: float  # seconds since the epoch
    seconds: int  # how long the page is fresh
    generations: Generations
    headers: Headers
    headers_without_body: Headers  # for a 304

    def is_fresh(self, now: float, generations: Generations) -> bool:
        """Return whether the page is within its lifetime and none of its groups was invalidated."""
        return now < self.rendered_at + self.seconds and all(
            own is None or own == current
            for own, current in zip(self.generations, generations, strict=True)
        )

    def is_stale_usable(self, now: float, generations: Generations) -> bool:
        """Return whether the page may be served while another worker renders a new one.

        It may not if it is more than ``STALE_SECONDS`` past its lifetime, or if it was purged.
        """
        return (
            now < self.rendered_at + self.seconds + STALE_SECONDS
            and self.generations[0] == generations[0]
        )


@dataclass(frozen=True)
class Entry:
    """One page in one encoding."""

    metadata: EntryMetadata
    body: bytes


@lru_cache(maxsize=1024)
def _parse_metadata(line: bytes) -> EntryMetadata:
    etag, rendered_at, seconds, generations, pairs = json.loads(line)
    headers = [(name, value) for name, value in pairs]
    without_body = [header for header in headers if header[0].lower() not in _BODY_HEADERS]
    return EntryMetadata(etag, rendered_at, seconds, tuple(generations), headers, without_body)


def deserialize(stored: bytes) -> Entry:
    """Return the entry that was stored as ``stored``. Raises ValueError for anything else."""
    line, newline, body = stored.partition(b"\n")
    if not newline:
        raise ValueError("no entry")
    return Entry(_parse_metadata(line), body)


def is_cacheable(status: str, headers: Headers) -> bool:
    """Return whether a response may be cached: public, cookieless and identical for every visitor."""
    lowered = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in lowered}
    cache_control = [value for name, value in lowered if name == "cache-control"]
    varies_on = {
        field.strip().lower()
        for name, value in lowered
        if name == "vary"
        for field in value.split(",")
    }
    return (
        status.startswith("200 ")
        and len(cache_control) == 1
        and cache_control[0].startswith("public")
        and "set-cookie" not in names
        and "content-encoding" not in names
        and varies_on <= _KEY_HEADERS
    )


def serialize(
    headers: Headers, body: bytes, seconds: int, generations: Generations, encodings: Iterable[str]
) -> dict[str, bytes]:
    """Return the bytes to store for a page, by encoding."""
    rendered_at = time.time()
    page_headers = [
        header
        for header in headers
        if header[0].lower() not in _REQUEST_HEADERS | _ENCODING_HEADERS
    ]
    content_type = next(
        (value for name, value in page_headers if name.lower() == "content-type"), ""
    )
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    entries = {}
    for requested in encodings:
        encoding, encoded = encode(body, content_type, requested)
        etag = f'"{digest}-{encoding}"' if encoding else f'"{digest}"'
        encoding_headers = [
            ("Content-Length", str(len(encoded))),
            ("ETag", etag),
            ("Vary", "Accept-Encoding, Cookie"),
            *([("Content-Encoding", encoding)] if encoding else []),
        ]
        line = json.dumps(
            [etag, rendered_at, seconds, generations, page_headers + encoding_headers]
        )
        entries[requested] = line.encode() + b"\n" + encoded
    return entries


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Return whether an If-None-Match header names this entry, so that a 304 is enough."""
    return if_none_match == etag or any(
        tag.strip().removeprefix("W/") == etag for tag in if_none_match.split(",")
    )
