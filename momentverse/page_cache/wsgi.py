"""Answers visitors without a session from the cache, before Django is asked.

A hit is one round trip, which counts the request as well, and no template. What
is sent is what Django has answered when the page was made, header by header;
only what belongs to the single request is new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.conf import settings
from django.core.handlers.wsgi import get_path_info

from momentverse.http.client_ip import client_address, network_of
from momentverse.logging import REQUEST_ID_HEADER, log_answer, new_request_id, request_id
from momentverse.page_cache.decorators import Policy
from momentverse.page_cache.encodings import ENCODERS, IDENTITY
from momentverse.page_cache.entry import Entry, Headers, matches, may_be_kept, read, written
from momentverse.page_cache.groups import EVERYTHING, STALE_SECONDS, TOKENS, Tokens
from momentverse.page_cache.request import Asked, Environ, Reader
from momentverse.page_cache.stores import Looked, RedisStore, Store, shares_redis, store_beside
from momentverse.page_cache.version import release_stamp
from momentverse.ratelimit.limiter import LIMITER, VERDICT, Limiter, network_key
from momentverse.ratelimit.middleware import rate_limit_headers
from momentverse.ratelimit.sliding_window import Verdict

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


@dataclass(frozen=True)
class Visit:
    """One request for a page that may be kept."""

    environ: Environ
    start_response: StartResponse
    asked: Asked
    started: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """What is known of a request before it is answered."""

    asked: Asked
    verdict: Verdict
    looked: Looked | None
    entry: Entry | None  # only a fresh one
    started: float  # of ``time.perf_counter``


# Where ``look_ahead`` leaves that in a request's environment.
AHEAD = "momentverse.page_cache.ahead"
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
        environ[LIMITER] = self._limiter
        if AHEAD not in environ:
            self.look_ahead([environ])
        ahead: Ahead | None = environ.pop(AHEAD, None)
        if ahead is None:
            return self._application(environ, start_response)
        environ[VERDICT] = ahead.verdict
        if not ahead.verdict.allowed:
            return self._application(environ, start_response)
        visit = Visit(environ, start_response, ahead.asked, ahead.started)
        if ahead.looked is None:
            return self._make(visit, None)
        if ahead.entry is None:
            return self._refresh(visit, ahead.looked)
        return self._send_kept(visit, ahead.entry)

    def is_for_everybody(self, head: bytes) -> bool:
        """Tell from a request's first bytes whether it is worth looking ahead for."""
        return head.startswith((b"GET ", b"HEAD ")) and not self._reader.names_a_session(head)

    def look_ahead(self, environs: Sequence[Environ]) -> list[bool]:
        """Count some requests and look for their pages; tell of each whether its page is at hand.

        Where one Redis holds counts and pages, that is one round trip for all. What
        is found waits in each environment, of which a call answers at once what is at
        hand. Requests that are Django's alone are not counted here.
        """
        started = time.perf_counter()
        requests = [
            (environ, asked) for environ in environs if (asked := self._reader.read(environ))
        ]
        found = self._count_and_look(requests) if requests else []
        for (environ, asked), (verdict, looked) in zip(requests, found, strict=True):
            entry = _fresh(looked) if looked else None
            environ[AHEAD] = Ahead(asked, verdict, looked, entry, started)
        return [_is_at_hand(environ.get(AHEAD)) for environ in environs]

    def _count_and_look(
        self, requests: list[tuple[Environ, Asked]]
    ) -> list[tuple[Verdict, Looked | None]]:
        limit: int = settings.RATE_LIMIT_PER_MINUTE
        whose = [network_key(network_of(client_address(environ))) for environ, _ in requests]
        keys = [self._key(asked, asked.encoding) for _, asked in requests]
        if self._one_round_trip:
            store = cast(RedisStore, self._store)
            hits = [(one, store.question(key)) for one, key in zip(whose, keys, strict=True)]
            verdicts, replies = self._limiter.hit_all(limit, hits)
            return list(zip(verdicts, store.looked(replies, len(keys)), strict=True))
        verdicts, _ = self._limiter.hit_all(limit, [(one, None) for one in whose])
        return list(zip(verdicts, self._store.look_all(keys), strict=True))

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
            again = self._look(visit.asked)
            if again and (entry := _fresh(again)):
                return self._send_kept(visit, entry)
            return self._make(visit, again.tokens if again else None)
        finally:
            self._store.resign(page)

    def _look(self, asked: Asked) -> Looked | None:
        return self._store.look(self._key(asked, asked.encoding))

    def _wait_for(self, asked: Asked) -> Entry | None:
        """Return the page that somebody else is making, or None if that takes too long."""
        for _ in range(WAITS):
            time.sleep(WAIT_SECONDS)
            looked = self._look(asked)
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


def _is_at_hand(ahead: Ahead | None) -> bool:
    return ahead is not None and ahead.verdict.allowed and ahead.entry is not None


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
