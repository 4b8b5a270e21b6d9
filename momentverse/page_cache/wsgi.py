"""The WSGI application around Django's: serves cached pages before Django is called.

A hit costs one round trip to Redis, which also counts the request for the rate limit, and renders
no template. Its headers are those that Django sent when the page was rendered; only those that
belong to one request are new.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.core.handlers.wsgi import get_path_info

from momentverse.http.client_ip import get_client_ip, get_network
from momentverse.logging import REQUEST_ID_HEADER, log_request, new_request_id, request_id
from momentverse.page_cache.decorators import Policy
from momentverse.page_cache.encodings import ENCODERS, IDENTITY
from momentverse.page_cache.entry import (
    Entry,
    Headers,
    deserialize,
    etag_matches,
    is_cacheable,
    serialize,
)
from momentverse.page_cache.groups import EVERYTHING, GENERATIONS, STALE_SECONDS, Generations
from momentverse.page_cache.request import CacheableRequest, RequestParser
from momentverse.page_cache.stores import (
    LookupResult,
    RedisStore,
    Store,
    build_store,
    is_redis_shared,
)
from momentverse.page_cache.version import build_version
from momentverse.ratelimit.limiter import LIMITER_KEY, RATE_LIMIT_RESULT_KEY, Limiter, network_key
from momentverse.ratelimit.middleware import rate_limit_headers
from momentverse.ratelimit.sliding_window import RateLimitResult


@dataclass(frozen=True)
class Exchange:
    """A request for a page that may be cached, and the way to respond to it."""

    environ: WSGIEnvironment
    start_response: StartResponse
    request: CacheableRequest
    started: float  # from `time.perf_counter`


@dataclass(frozen=True, slots=True)
class Prefetched:
    """What ``prefetch`` found out about a request."""

    request: CacheableRequest
    rate_limit: RateLimitResult
    lookup: LookupResult | None  # None if the store is unavailable
    entry: Entry | None  # None unless it is fresh
    started: float  # from `time.perf_counter`


# The key under which `prefetch` leaves its findings in the environment.
PREFETCHED_KEY = "momentverse.page_cache.prefetched"
# Without a stale copy to serve, poll for the page another worker is rendering: at most so many times, so
# many seconds apart.
POLL_ATTEMPTS = 100
POLL_SECONDS = 0.02


class PageCacheApplication:
    """A WSGI application that answers from the cache or calls Django's."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._limiter = Limiter(settings.LIMITS_REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)
        self._store: Store = build_store(self._limiter)
        self._is_redis_shared = is_redis_shared()
        self._parser = RequestParser()
        self._version = build_version()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[LIMITER_KEY] = self._limiter
        if PREFETCHED_KEY not in environ:
            self.prefetch([environ])
        prefetched: Prefetched | None = environ.pop(PREFETCHED_KEY, None)
        if prefetched is None:
            return self._application(environ, start_response)
        environ[RATE_LIMIT_RESULT_KEY] = prefetched.rate_limit
        if not prefetched.rate_limit.allowed:
            return self._application(environ, start_response)
        exchange = Exchange(environ, start_response, prefetched.request, prefetched.started)
        if prefetched.lookup is None:
            return self._render(exchange, None)
        if prefetched.entry is None:
            return self._refresh(exchange, prefetched.lookup)
        return self._send_cached(exchange, prefetched.entry)

    def is_for_everybody(self, head: bytes) -> bool:
        """Return whether a request whose raw head is ``head`` is worth prefetching."""
        return head.startswith((b"GET ", b"HEAD ")) and not self._parser.has_session_cookie(head)

    def prefetch(self, environs: Sequence[WSGIEnvironment]) -> list[bool]:
        """Count some requests and look up their pages; return for each whether it is a hit.

        This is one round trip for all of them if limits and pages share one Redis. The findings
        are left in each environment, where ``__call__`` picks them up. Requests that only Django
        can answer are not counted here.
        """
        started = time.perf_counter()
        requests = [
            (environ, request) for environ in environs if (request := self._parser.parse(environ))
        ]
        found = self._count_and_look_up(requests) if requests else []
        for (environ, request), (rate_limit, lookup) in zip(requests, found, strict=True):
            entry = _get_fresh_entry(lookup) if lookup else None
            environ[PREFETCHED_KEY] = Prefetched(request, rate_limit, lookup, entry, started)
        return [_is_hit(environ.get(PREFETCHED_KEY)) for environ in environs]

    def _count_and_look_up(
        self, requests: list[tuple[WSGIEnvironment, CacheableRequest]]
    ) -> list[tuple[RateLimitResult, LookupResult | None]]:
        limit: int = settings.RATE_LIMIT_PER_MINUTE
        clients = [network_key(get_network(get_client_ip(environ))) for environ, _ in requests]
        keys = [self._key(request, request.encoding) for _, request in requests]
        if self._is_redis_shared:
            store = cast(RedisStore, self._store)
            hits = [
                (client, store.lookup_command(key))
                for client, key in zip(clients, keys, strict=True)
            ]
            results, replies = self._limiter.hit_many(limit, hits)
            return list(zip(results, store.parse_replies(replies, len(keys)), strict=True))
        results, _ = self._limiter.hit_many(limit, [(client, None) for client in clients])
        return list(zip(results, self._store.lookup_many(keys), strict=True))

    def _refresh(self, exchange: Exchange, lookup: LookupResult) -> Iterable[bytes]:
        """Render the page, unless another worker does: then send the stale page, or wait for the new one."""
        lock = self._key(exchange.request, IDENTITY)
        if not self._store.acquire_refresh_lock(lock):
            entry = _get_stale_entry(lookup) or self._poll(exchange.request)
            if entry:
                return self._send_cached(exchange, entry)
            return self._render(exchange, lookup.generations)
        try:
            # The previous holder of the lock may have stored the page after our first lookup.
            again = self._look_up(exchange.request)
            if again and (entry := _get_fresh_entry(again)):
                return self._send_cached(exchange, entry)
            return self._render(exchange, again.generations if again else None)
        finally:
            self._store.release_refresh_lock(lock)

    def _look_up(self, request: CacheableRequest) -> LookupResult | None:
        return self._store.lookup(self._key(request, request.encoding))

    def _poll(self, request: CacheableRequest) -> Entry | None:
        """Return the page that another worker is rendering, or None if that takes too long."""
        for _ in range(POLL_ATTEMPTS):
            time.sleep(POLL_SECONDS)
            lookup = self._look_up(request)
            if lookup is None or (entry := _get_fresh_entry(lookup)):
                return entry if lookup else None
        return None

    def _render(self, exchange: Exchange, generations: Generations | None) -> Iterable[bytes]:
        """Let Django render the page, store it if it is cacheable, and send it.

        ``generations`` were read before rendering, so that a write that commits meanwhile makes
        the page stale. None means that the store is unavailable: the page is not stored.
        """
        request = exchange.request
        status, headers, body = self._call_django(exchange)
        if not is_cacheable(status, headers):
            exchange.start_response(status, _with_content_length(headers, body))
            return [] if exchange.environ["REQUEST_METHOD"] == "HEAD" else [body]
        stored = serialize(
            headers,
            body,
            request.policy.seconds,
            _select_generations(request.policy, generations) if generations else (),
            (IDENTITY, *ENCODERS) if generations else (request.encoding,),
        )
        if generations:
            entries = {self._key(request, encoding): entry for encoding, entry in stored.items()}
            self._store.put(entries, request.policy.seconds + STALE_SECONDS)
        own_request_id = dict(headers)[REQUEST_ID_HEADER]
        return self._send(exchange, deserialize(stored[request.encoding]), own_request_id)[1]

    def _call_django(self, exchange: Exchange) -> tuple[str, Headers, bytes]:
        """Return the status, headers and body that an anonymous visitor gets from Django."""
        started: list[tuple[str, Headers]] = []

        def start_response(status: str, headers: Headers, exc_info: object = None, /) -> None:
            started[:] = [(status, headers)]

        environ = self._parser.anonymous_environ(exchange.environ, exchange.request)
        environ[RATE_LIMIT_RESULT_KEY] = exchange.environ[RATE_LIMIT_RESULT_KEY]
        # Django never calls the `write()` that a start_response should return.
        chunks = self._application(environ, start_response)  # type: ignore[arg-type]
        try:
            body = b"".join(chunks)
        finally:
            if close := getattr(chunks, "close", None):
                close()
        ((status, headers),) = started
        return status, headers, body

    def _send_cached(self, exchange: Exchange, entry: Entry) -> Iterable[bytes]:
        """Send an entry that Django was not called for, with a request id and a log line of our own."""
        own_request_id = new_request_id()
        token = request_id.set(own_request_id)
        try:
            status, body = self._send(exchange, entry, own_request_id)
            environ = exchange.environ
            method, path = environ["REQUEST_METHOD"], get_path_info(environ)
            log_request(method, path, status, exchange.started)
            return body
        finally:
            request_id.reset(token)

    def _send(
        self, exchange: Exchange, entry: Entry, own_request_id: str
    ) -> tuple[int, Iterable[bytes]]:
        """Send an entry, or a 304 to a client that has it, with the headers of this one request."""
        metadata, environ = entry.metadata, exchange.environ
        request_headers = [
            ("Age", str(max(0, int(time.time() - metadata.rendered_at)))),
            *rate_limit_headers(environ[RATE_LIMIT_RESULT_KEY]),
            (REQUEST_ID_HEADER, own_request_id),
        ]
        if_none_match = environ.get("HTTP_IF_NONE_MATCH")
        if if_none_match and etag_matches(if_none_match, metadata.etag):
            exchange.start_response(
                "304 Not Modified", metadata.headers_without_body + request_headers
            )
            return 304, []
        exchange.start_response("200 OK", metadata.headers + request_headers)
        return 200, [] if environ["REQUEST_METHOD"] == "HEAD" else [entry.body]

    def _key(self, request: CacheableRequest, encoding: str) -> str:
        return f"{self._version} {request.key(encoding)}"


def _is_hit(prefetched: Prefetched | None) -> bool:
    return prefetched is not None and prefetched.rate_limit.allowed and prefetched.entry is not None


def _parse_entry(lookup: LookupResult) -> Entry | None:
    if lookup.stored is None:
        return None
    try:
        return deserialize(lookup.stored)
    except ValueError:  # not written by us: treat it as missing
        return None


def _get_fresh_entry(lookup: LookupResult) -> Entry | None:
    entry = _parse_entry(lookup)
    return entry if entry and entry.metadata.is_fresh(time.time(), lookup.generations) else None


def _get_stale_entry(lookup: LookupResult) -> Entry | None:
    """Return an entry that may be served while another worker renders the page."""
    entry = _parse_entry(lookup)
    if entry and entry.metadata.is_stale_usable(time.time(), lookup.generations):
        return entry
    return None


def _select_generations(policy: Policy, generations: Generations) -> Generations:
    """Return the generations of the groups that a page depends on, and None for the others."""
    names = {EVERYTHING, *(group.name for group in policy.groups)}
    return tuple(
        generation if name in names else None
        for name, generation in zip(GENERATIONS, generations, strict=True)
    )


def _with_content_length(headers: Headers, body: bytes) -> Headers:
    if any(name.lower() == "content-length" for name, _ in headers):
        return headers
    return [*headers, ("Content-Length", str(len(body)))]
