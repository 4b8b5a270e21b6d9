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
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from momentverse.client_network import client_network
from momentverse.errors import error_response

logger = logging.getLogger("momentverse.limits")

# Static files are exempt as well: WhiteNoise has answered them before the limit is asked.
# So are pictures, of which a page has as many as it has moments.
EXEMPT_PREFIXES = ("/health/", "/pictures/")
# While the shared store is away, each process counts for itself, and more strictly.
LOCAL_SHARE = 0.5
RETRY_SHARED_AFTER_SECONDS = 5.0
Answer = TypeVar("Answer")


def shared_strategy(redis_url: str, timeout_seconds: float) -> SlidingWindowCounterRateLimiter:
    """Return the limiter over Redis, which answers or fails within its timeout."""
    if redis_url.startswith("unix://"):
        redis_url = f"redis+{redis_url}"
    storage: Any = storage_from_string(
        redis_url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        key_prefix="momentverse-limits",
    )
    return SlidingWindowCounterRateLimiter(storage)


@dataclass(frozen=True)
class Verdict:
    """What the limiter says of one request."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: int  # whole seconds until there is room again


class Breaker:
    """Asks Redis while it answers, and goes on in this process while it does not.

    Every ``RETRY_SHARED_AFTER_SECONDS`` one caller, and no other, tries Redis
    again, so that not each of them pays for a time-out.
    """

    def __init__(self) -> None:
        self._retry_shared_at: float | None = None  # None while Redis is well
        self._lock = threading.Lock()

    def ask(self, shared: Callable[[], Answer], otherwise: Callable[[], Answer]) -> Answer:
        """Return what ``shared`` says or, when it cannot be asked, what ``otherwise`` says."""
        if self._may_try_shared():
            try:
                answer = shared()
            except RedisError as error:
                self._shared_failed(error)
            else:
                self._retry_shared_at = None
                return answer
        return otherwise()

    def _may_try_shared(self) -> bool:
        if self._retry_shared_at is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._retry_shared_at is not None and now < self._retry_shared_at:
                return False
            self._retry_shared_at = now + RETRY_SHARED_AFTER_SECONDS
            return True

    def _shared_failed(self, error: RedisError) -> None:
        with self._lock:
            self._retry_shared_at = time.monotonic() + RETRY_SHARED_AFTER_SECONDS
        logger.warning("limits fall back to this process: %s", error)


def local_share(limit: int) -> int:
    """Return what is left of a limit while each process counts for itself."""
    return max(1, int(limit * LOCAL_SHARE))


class Limiter:
    """A sliding-window limit over Redis, or in the process when there is none or it is away."""

    def __init__(self, redis_url: str, timeout_seconds: float) -> None:
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = shared_strategy(redis_url, timeout_seconds) if redis_url else None
        self._breaker = Breaker()

    def hit(self, key: str, per_minute: int) -> Verdict:
        """Count one request under ``key`` and say whether it may pass."""
        shared = self._shared
        if shared is None:
            return self._count(self._local, key, per_minute)
        return self._breaker.ask(
            lambda: self._count(shared, key, per_minute),
            lambda: self._count(self._local, key, local_share(per_minute)),
        )

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
        """Count, then answer or refuse."""
        if request.path.startswith(EXEMPT_PREFIXES):
            return self.get_response(request)
        verdict = self.limiter.hit(self._key(request), settings.RATE_LIMIT_PER_MINUTE)
        if verdict.allowed:
            response = self.get_response(request)
        else:
            response = error_response(
                request,
                429,
                detail=f"You can go on in {verdict.reset_after} s.",
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
