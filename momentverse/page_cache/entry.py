"""A page as it is kept: one entry for each encoding, ready to be sent.

Written as a line of JSON before the body, never pickled: what stands in the
cache is data, whoever put it there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from momentverse.page_cache.encodings import encoded
from momentverse.page_cache.groups import STALE_SECONDS, Tokens

Headers = list[tuple[str, str]]

# What belongs to one request, not to the page.
_OF_A_REQUEST = frozenset(
    ("x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "date", "age")
)
# What we say ourselves, a form at a time.
_OF_A_FORM = frozenset(("content-length", "content-encoding", "etag", "vary"))
# What a 304 leaves out: it has no body.
_OF_A_BODY = frozenset(("content-length", "content-type", "content-encoding"))
_KEYED = frozenset(("accept-encoding", "cookie"))


@dataclass(frozen=True)
class Head:
    """All of an entry but its body."""

    etag: str
    built_at: float
    seconds: int
    tokens: Tokens
    headers: Headers
    headers_without_body: Headers

    def is_fresh(self, now: float, tokens: Tokens) -> bool:
        """Tell whether the page is within its time, and nothing that it shows has changed since."""
        return now < self.built_at + self.seconds and all(
            mine is None or mine == current
            for mine, current in zip(self.tokens, tokens, strict=True)
        )

    def may_be_shown(self, now: float, tokens: Tokens) -> bool:
        """Tell whether the page may be shown while a new one is being made: nothing in it was purged."""
        return now < self.built_at + self.seconds + STALE_SECONDS and self.tokens[0] == tokens[0]


@dataclass(frozen=True)
class Entry:
    """One encoding of a page."""

    head: Head
    body: bytes


@lru_cache(maxsize=1024)
def _head(line: bytes) -> Head:
    etag, built_at, seconds, tokens, headers = json.loads(line)
    headers = [(name, value) for name, value in headers]
    bodiless = [header for header in headers if header[0].lower() not in _OF_A_BODY]
    return Head(etag, built_at, seconds, tuple(tokens), headers, bodiless)


def read(kept: bytes) -> Entry:
    """Return the entry that ``kept`` holds. Raises ValueError for anything else."""
    line, newline, body = kept.partition(b"\n")
    if not newline:
        raise ValueError("no entry")
    return Entry(_head(line), body)


def may_be_kept(status: str, headers: Headers) -> bool:
    """Tell whether a response is a page for everybody, and for each who would get it the same."""
    named = [(name.lower(), value) for name, value in headers]
    names = {name for name, _ in named}
    policies = [value for name, value in named if name == "cache-control"]
    varies = {
        word.strip().lower() for name, value in named if name == "vary" for word in value.split(",")
    }
    return (
        status.startswith("200 ")
        and len(policies) == 1
        and policies[0].startswith("public")
        and "set-cookie" not in names
        and "content-encoding" not in names
        and varies <= _KEYED
    )


def written(
    headers: Headers, body: bytes, seconds: int, tokens: Tokens, encodings: Iterable[str]
) -> dict[str, bytes]:
    """Return what is kept of a page, for each of some encodings."""
    built_at = time.time()
    lasting = [header for header in headers if header[0].lower() not in _OF_A_REQUEST | _OF_A_FORM]
    content_type = next((value for name, value in lasting if name.lower() == "content-type"), "")
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    entries = {}
    for wanted in encodings:
        encoding, form = encoded(body, content_type, wanted)
        etag = f'"{digest}-{encoding}"' if encoding else f'"{digest}"'
        of_form = [
            ("Content-Length", str(len(form))),
            ("ETag", etag),
            ("Vary", "Accept-Encoding, Cookie"),
            *([("Content-Encoding", encoding)] if encoding else []),
        ]
        head = json.dumps([etag, built_at, seconds, tokens, lasting + of_form])
        entries[wanted] = head.encode() + b"\n" + form
    return entries


def matches(if_none_match: str, etag: str) -> bool:
    """Tell whether a client has this form of the page already."""
    return if_none_match == etag or any(
        tag.strip().removeprefix("W/") == etag for tag in if_none_match.split(",")
    )
