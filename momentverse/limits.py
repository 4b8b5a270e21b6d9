"""How many requests one user, or one network, may make in a minute.

The window slides (two counters, weighted: see `limits`' sliding window
counter), so a burst at a minute's turn does not count as two minutes' worth.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from momentverse.client_network import client_network
from momentverse.errors import error_response

logger = logging.getLogger("momentverse.limits")

EXEMPT_PREFIXES = ("/static/", "/health/")
# While the shared store is away, each process counts for itself, and more strictly.
LOCAL_SHARE = 0.5
RETRY_SHARED_AFTER_SECONDS = 5.0


@dataclass(frozen=True)
class Verdict:
    """What the limiter says of one request."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: int  # whole seconds until there is room again


class Limiter:
    """A sliding-window limit over Redis, or in the process when there is none.

    When Redis fails, or hangs past its socket timeout, counting goes on in the
    process; Redis is asked again after ``RETRY_SHARED_AFTER_SECONDS``, so that
    not every request pays for a time-out.
    """

    def __init__(self, redis_url: str, timeout_seconds: float) -> None:
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._shared_away_until = 0.0
        self._lock = threading.Lock()
        if redis_url:
            storage: Storage = storage_from_string(  # type: ignore[assignment]
                redis_url,
                socket_timeout=timeout_seconds,
                socket_connect_timeout=timeout_seconds,
                key_prefix="momentverse-limits",
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    def hit(self, key: str, per_minute: int) -> Verdict:
        """Count one request under ``key`` and say whether it may pass."""
        if self._shared is not None and time.monotonic() >= self._shared_away_until:
            try:
                return self._count(self._shared, key, per_minute)
            except RedisError as error:
                with self._lock:
                    self._shared_away_until = time.monotonic() + RETRY_SHARED_AFTER_SECONDS
                logger.warning("limits fall back to this process: %s", error)
        if self._shared is not None:
            per_minute = max(1, int(per_minute * LOCAL_SHARE))
        return self._count(self._local, key, per_minute)

    @staticmethod
    def _count(strategy: SlidingWindowCounterRateLimiter, key: str, per_minute: int) -> Verdict:
        item = RateLimitItemPerMinute(per_minute)
        allowed = strategy.hit(item, key)
        window = strategy.get_window_stats(item, key)
        return Verdict(
            allowed=allowed,
            limit=per_minute,
            remaining=window.remaining,
            reset_after=max(1, math.ceil(window.reset_time - time.time())),
        )


class RateLimitMiddleware:
    """Answers 429 with Retry-After past the limit, and tells every client where it stands."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.limiter = Limiter(settings.REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(EXEMPT_PREFIXES):
            return self.get_response(request)
        verdict = self.limiter.hit(self._key(request), settings.RATE_LIMIT_PER_MINUTE)
        if verdict.allowed:
            response = self.get_response(request)
        else:
            response = error_response(
                request,
                429,
                detail=f"You can go on in {verdict.reset_after} seconds.",
            )
            response["Retry-After"] = str(verdict.reset_after)
        response["RateLimit-Limit"] = str(verdict.limit)
        response["RateLimit-Remaining"] = str(verdict.remaining)
        response["RateLimit-Reset"] = str(verdict.reset_after)
        return response

    @staticmethod
    def _key(request: HttpRequest) -> str:
        # Only a request that brings a session can be a user's: nobody else costs a look-up.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return f"network:{client_network(request)}"
