"""Answers visitors without a session from the cache, before Django is asked.

A hit is one round trip, which counts the request as well, and no template. What
is sent is what Django has answered when the page was made, header by header;
only what belongs to the single request is new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.core.handlers.wsgi import get_path_info

from momentverse.client_network import client_address, network_of
from momentverse.limits import (
    LIMITER,
    VERDICT,
    Limiter,
    network_key,
    rate_limit_headers,
)
from momentverse.logs import REQUEST_ID_HEADER, log_answer, new_request_id, request_id
from momentverse.page_cache.asked import Asked, Environ, Reader
from momentverse.page_cache.encodings import ENCODERS, IDENTITY
from momentverse.page_cache.entry import (
    Entry,
    Headers,
    Tokens,
    matches,
    may_be_kept,
    read,
    written,
)
from momentverse.page_cache.groups import EVERYTHING, TOKENS
from momentverse.page_cache.policy import STALE_SECONDS, Policy
from momentverse.page_cache.release import release_stamp
from momentverse.page_cache.stores import Looked, RedisStore, Store, shares_redis, store_beside
from momentverse.sliding_window import Verdict

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Visit:
    """One request for a page that may be kept."""

    environ: Environ
    start_response: StartResponse
    asked: Asked
    started: float


# Who has no copy to show waits for the refresher's, looking again so often for so long.
WAIT_SECONDS = 0.02
WAITS = 100


class PageCacheFront:
    """A WSGI application around Django's."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._limiter = Limiter(settings.LIMITS_REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)
        self._store: Store = store_beside(self._limiter)
        self._one_round_trip = shares_redis()
        self._reader = Reader()
        self._release = release_stamp()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer from the cache, or let Django answer."""
        started = time.perf_counter()
        environ[LIMITER] = self._limiter
        asked = self._reader.read(environ)
        if asked is None:
            return self._application(environ, start_response)
        verdict, looked = self._look_and_count(environ, asked)
        environ[VERDICT] = verdict
        if not verdict.allowed:
            return self._application(environ, start_response)
        visit = Visit(environ, start_response, asked, started)
        if looked is None:
            return self._make(visit, None)
        entry = _fresh(looked)
        return self._send_kept(visit, entry) if entry else self._refresh(visit, looked)

    def _look_and_count(self, environ: Environ, asked: Asked) -> tuple[Verdict, Looked | None]:
        """Count the request and look for the page, in one round trip where one Redis holds both."""
        whose = network_key(network_of(client_address(environ)))
        limit: int = settings.RATE_LIMIT_PER_MINUTE
        key = self._key(asked, asked.encoding)
        if self._one_round_trip:
            store = cast(RedisStore, self._store)
            verdict, replies = self._limiter.hit_and_ask(whose, limit, store.question(key))
            return verdict, store.looked(replies)
        return self._limiter.hit(whose, limit), self._store.look(key)

    def _refresh(self, visit: Visit, looked: Looked) -> Iterable[bytes]:
        """Make the page anew; if somebody does so already, show the last copy, or wait for the new one."""
        page = self._key(visit.asked, IDENTITY)
        if not self._store.become_refresher(page):
            entry = _still_good(looked) or self._wait_for(visit.asked)
            if entry:
                return self._send_kept(visit, entry)
            return self._make(visit, looked.tokens)
        try:
            # Once more: the last refresher may have been at work when this visitor looked.
            again = self._store.look(self._key(visit.asked, visit.asked.encoding))
            if again and (entry := _fresh(again)):
                return self._send_kept(visit, entry)
            return self._make(visit, again.tokens if again else None)
        finally:
            self._store.resign(page)

    def _wait_for(self, asked: Asked) -> Entry | None:
        """Return the page that somebody else is making, or None if that takes too long."""
        for _ in range(WAITS):
            time.sleep(WAIT_SECONDS)
            looked = self._store.look(self._key(asked, asked.encoding))
            if looked is None or (entry := _fresh(looked)):
                return entry if looked else None
        return None

    def _make(self, visit: Visit, tokens: Tokens | None) -> Iterable[bytes]:
        """Let Django make the page, keep it if it is for everybody, and send it.

        ``tokens`` were read before, so that a write that comes meanwhile makes
        the page old; None: there is nowhere to keep it.
        """
        asked = visit.asked
        status, headers, body = self._ask_django(visit)
        if not may_be_kept(status, headers):
            visit.start_response(status, _with_length(headers, body))
            return [] if visit.environ["REQUEST_METHOD"] == "HEAD" else [body]
        kept = written(
            headers,
            body,
            asked.policy.seconds,
            _tokens_of(asked.policy, tokens) if tokens else (),
            (IDENTITY, *ENCODERS) if tokens else (asked.encoding,),
        )
        if tokens:
            entries = {self._key(asked, encoding): entry for encoding, entry in kept.items()}
            self._store.put(entries, asked.policy.seconds + STALE_SECONDS)
        own_id = dict(headers)[REQUEST_ID_HEADER]
        return self._send(visit, read(kept[asked.encoding]), own_id)[1]

    def _ask_django(self, visit: Visit) -> tuple[str, Headers, bytes]:
        """Ask for the page as nobody in particular."""
        answered: list[Any] = []

        def start_response(status: str, headers: Headers, exc_info: Any = None) -> None:
            answered[:] = status, headers

        bare = self._reader.bare_environ(visit.environ, visit.asked)
        bare[VERDICT] = visit.environ[VERDICT]
        chunks = self._application(bare, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        status, headers = answered
        return status, headers, body

    def _send_kept(self, visit: Visit, entry: Entry) -> Iterable[bytes]:
        """Send what Django has not been asked for: its id and its log line are ours to make."""
        own_id = new_request_id()
        token = request_id.set(own_id)
        try:
            status, body = self._send(visit, entry, own_id)
            environ = visit.environ
            log_answer(environ["REQUEST_METHOD"], get_path_info(environ), status, visit.started)
            return body
        finally:
            request_id.reset(token)

    def _send(self, visit: Visit, entry: Entry, own_id: str) -> tuple[int, Iterable[bytes]]:
        """Send an entry, or 304 to who has it, with what belongs to this one request."""
        head, environ = entry.head, visit.environ
        of_request = [
            ("Age", str(max(0, int(time.time() - head.built_at)))),
            *rate_limit_headers(environ[VERDICT]),
            (REQUEST_ID_HEADER, own_id),
        ]
        if_none_match = environ.get("HTTP_IF_NONE_MATCH")
        if if_none_match and matches(if_none_match, head.etag):
            visit.start_response("304 Not Modified", head.headers_without_body + of_request)
            return 304, []
        visit.start_response("200 OK", head.headers + of_request)
        return 200, [] if environ["REQUEST_METHOD"] == "HEAD" else [entry.body]

    def _key(self, asked: Asked, encoding: str) -> str:
        return f"{self._release} {asked.key(encoding)}"


def _entry_in(looked: Looked) -> Entry | None:
    if looked.kept is None:
        return None
    try:
        return read(looked.kept)
    except ValueError:  # not written by us: as good as nothing
        return None


def _fresh(looked: Looked) -> Entry | None:
    entry = _entry_in(looked)
    return entry if entry and entry.head.is_fresh(time.time(), looked.tokens) else None


def _still_good(looked: Looked) -> Entry | None:
    entry = _entry_in(looked)
    return entry if entry and entry.head.may_be_shown(time.time(), looked.tokens) else None


def _tokens_of(policy: Policy, tokens: Tokens) -> Tokens:
    """Return the tokens of what a page depends on, None for the other groups."""
    names = {EVERYTHING, *(group.name for group in policy.groups)}
    return tuple(
        token if name in names else None for name, token in zip(TOKENS, tokens, strict=True)
    )


def _with_length(headers: Headers, body: bytes) -> Headers:
    if any(name.lower() == "content-length" for name, _ in headers):
        return headers
    return [*headers, ("Content-Length", str(len(body)))]
