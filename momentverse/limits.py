"""How many requests one user, or one network, may make in a minute.

Counted in Redis, in one round trip, for all processes together; in the
process when there is no Redis or it is away.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from redis.exceptions import NoScriptError, RedisError

from momentverse.client_network import client_network
from momentverse.errors import error_response
from momentverse.page_cache.redis import Command, Redis
from momentverse.sliding_window import SCRIPT, LocalWindows, Verdict, verdict

logger = logging.getLogger("momentverse.limits")

# Static files are exempt as well: WhiteNoise has answered them before the limit is asked.
# So are pictures, of which a page has as many as it has moments, and a provider's signed messages, which come
# from few addresses and in great number when many people pay.
EXEMPT_PREFIXES = ("/health/", "/pictures/", "/payments/stripe/")
# While the shared store is away, each process counts for itself, and more strictly.
LOCAL_SHARE = 0.5
RETRY_SHARED_AFTER_SECONDS = 5.0
KEY_PREFIX = "momentverse-limits:"
# Where the page cache's front, which has counted a request already, leaves what the limiter said.
VERDICT = "momentverse.verdict"
# And where it leaves the limiter itself, so that what is counted in the process is counted in one place.
LIMITER = "momentverse.limiter"
_SCRIPT_HASH = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  Redis's name for a script
Answer = TypeVar("Answer")
# Whom a request is counted for, and what else Redis is asked on that occasion.
Hit = tuple[str, Command | None]


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
        self._local = LocalWindows()
        self.redis = Redis(redis_url, timeout_seconds) if redis_url else None
        self.breaker = Breaker()

    def hit(self, key: str, per_minute: int) -> Verdict:
        """Count one request under ``key`` and say whether it may pass."""
        return self.hit_all(per_minute, [(key, None)])[0][0]

    def hit_all(
        self, per_minute: int, hits: Sequence[Hit]
    ) -> tuple[list[Verdict], list[Any] | None]:
        """Count some requests, each under its key and, in the same round trip, ask what comes with each.

        The replies to that are None when Redis was not there to give any.
        """
        redis = self.redis
        if redis is None:
            return self._hit_here(per_minute, hits), None
        return self.breaker.ask(
            lambda: _count(redis, per_minute, hits),
            lambda: (self._hit_here(local_share(per_minute), hits), None),
        )

    def _hit_here(self, per_minute: int, hits: Sequence[Hit]) -> list[Verdict]:
        return [self._local.hit(key, per_minute) for key, _ in hits]


def _count(redis: Redis, per_minute: int, hits: Sequence[Hit]) -> tuple[list[Verdict], list[Any]]:
    scripts: list[Command] = [(1, KEY_PREFIX + key, per_minute) for key, _ in hits]
    asked = [command for _, command in hits if command is not None]
    replies = redis.ask(*(("EVALSHA", _SCRIPT_HASH, *script) for script in scripts), *asked)
    counts = replies[: len(hits)]
    for index, count in enumerate(counts):
        if isinstance(count, NoScriptError):  # a Redis that was started or flushed since
            (counts[index],) = redis.ask(("EVAL", SCRIPT, *scripts[index]))
        if isinstance(counts[index], RedisError):
            raise counts[index]
    return [verdict(per_minute, *count) for count in counts], replies[len(hits) :]


class RateLimitMiddleware:
    """Answers 429 with Retry-After past the limit, and tells every client where it stands."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.limiter = Limiter(settings.LIMITS_REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Count, then answer or refuse."""
        if request.path.startswith(EXEMPT_PREFIXES):
            return self.get_response(request)
        verdict = request.META.get(VERDICT) or self._count(request)
        if verdict.allowed:
            response = self.get_response(request)
        else:
            response = error_response(
                request,
                429,
                detail=f"You can go on in {verdict.reset_after} s.",
            )
            response["Retry-After"] = str(verdict.reset_after)
        for name, value in rate_limit_headers(verdict):
            response[name] = value
        return response

    def _count(self, request: HttpRequest) -> Verdict:
        # Whoever counts more for this request does it in the same place.
        request.META.setdefault(LIMITER, self.limiter)
        return shared_limiter(request).hit(self._key(request), settings.RATE_LIMIT_PER_MINUTE)

    @staticmethod
    def _key(request: HttpRequest) -> str:
        # Only a request that brings a session can be a user's: nobody else costs a look-up.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return network_key(client_network(request))


def shared_limiter(request: HttpRequest) -> Limiter:
    """Return the limiter that has counted this request, for what has a limit of its own besides."""
    limiter: Limiter = request.META[LIMITER]
    return limiter


def network_key(network: str) -> str:
    """Return what a network's requests are counted under."""
    return f"network:{network}"


def rate_limit_headers(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the headers that tell a client where it stands."""
    return [
        ("RateLimit-Limit", str(verdict.limit)),
        ("RateLimit-Remaining", str(verdict.remaining)),
        ("RateLimit-Reset", str(verdict.reset_after)),
    ]
