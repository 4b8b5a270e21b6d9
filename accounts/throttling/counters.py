"""Count attempts in the shared cache, or in this process while the cache is unavailable.

django-ratelimit keeps the shared counts. It creates a key with an atomic
``add`` or raises it with an atomic ``incr``, so each of many simultaneous
attempts gets its own number and exactly the allowed number is within the limit.
Its windows are fixed and start at an offset that depends on the key. A count
therefore ends with its window, which makes Retry-After exact. Where two windows
meet, the attempts of both can follow each other closely, but the number of
attempts per hour stays the same.

The local counts are stricter, and their windows slide.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from django.core.cache import BaseCache, caches
from django_ratelimit import ALL  # type: ignore[import-untyped]
from django_ratelimit.core import (  # type: ignore[import-untyped]
    _get_window,
    _make_cache_key,
    get_usage,
)

from momentverse.ratelimit.limiter import get_local_limit
from momentverse.redis.breaker import CircuitBreaker

CACHE = "throttle"
# The number of counters that one process keeps. Beyond that it drops the least recently used one.
MAX_LOCAL_COUNTERS = 100_000


@dataclass(frozen=True)
class Limit:
    """How many attempts are allowed in a window, and the window's length in seconds."""

    attempts: int
    seconds: int


@dataclass(frozen=True)
class Counter:
    """Identifies one count: what is counted, for whom, and up to which limit."""

    group: str
    who: str
    limit: Limit


class CounterStore(Protocol):
    """A place where attempts are counted."""

    def acquire(self, counter: Counter) -> bool:
        """Count an attempt. Return whether it is within the limit."""

    def get_retry_after(self, counter: Counter) -> int:
        """Return the seconds until another attempt is allowed, or 0 if one is allowed now."""

    def release(self, counter: Counter) -> None:
        """Subtract one attempt."""

    def reset(self, counter: Counter) -> None:
        """Set the count to zero."""


class SharedCounterStore:
    """Counts that all processes share, kept by django-ratelimit."""

    def acquire(self, counter: Counter) -> bool:
        return not _get_usage(counter, increment=True)["should_limit"]

    def get_retry_after(self, counter: Counter) -> int:
        """Return the seconds until the window ends, or 0 if it still allows an attempt."""
        usage = _get_usage(counter, increment=False)
        # The last second belongs to the window, so add one.
        return int(usage["time_left"]) + 1 if usage["count"] >= usage["limit"] else 0

    def release(self, counter: Counter) -> None:
        """Subtract one attempt, unless its window has ended."""
        with suppress(ValueError):
            _get_cache().decr(_get_cache_key(counter))

    def reset(self, counter: Counter) -> None:
        _get_cache().delete(_get_cache_key(counter))


class LocalCounterStore:
    """Counts of this process alone, which allow only a share of the limit.

    Each counter keeps the times of its latest attempts, so the window is exact: no stretch of
    ``Limit.seconds`` holds more attempts than the limit. A refused attempt is not counted.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._attempts: OrderedDict[Counter, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def acquire(self, counter: Counter) -> bool:
        with self._lock:
            attempts = self._attempts_within_window(counter)
            allowed = len(attempts) < get_local_limit(counter.limit.attempts)
            if allowed:
                attempts.append(self._now())
            self._attempts[counter] = attempts
            self._attempts.move_to_end(counter)
            if len(self._attempts) > MAX_LOCAL_COUNTERS:
                self._attempts.popitem(last=False)
        return allowed

    def get_retry_after(self, counter: Counter) -> int:
        """Return the seconds until the oldest attempt leaves the window, or 0 if one is allowed now."""
        with self._lock:
            attempts = self._attempts_within_window(counter)
            if len(attempts) < get_local_limit(counter.limit.attempts):
                return 0
            return max(1, math.ceil(attempts[0] + counter.limit.seconds - self._now()))

    def release(self, counter: Counter) -> None:
        """Do nothing: the local count is stricter, so a released attempt still counts."""

    def reset(self, counter: Counter) -> None:
        with self._lock:
            self._attempts.pop(counter, None)

    def _attempts_within_window(self, counter: Counter) -> deque[float]:
        attempts = self._attempts.get(counter) or deque[float]()
        while attempts and attempts[0] <= self._now() - counter.limit.seconds:
            attempts.popleft()
        return attempts


class AttemptCounter:
    """Counts attempts in the shared store or, while its cache is unavailable, locally."""

    def __init__(self) -> None:
        self._shared: CounterStore = SharedCounterStore()
        self._local: CounterStore = LocalCounterStore()
        self._breaker = CircuitBreaker()

    def acquire(self, counter: Counter) -> bool:
        """Count an attempt. Return whether it is within the limit."""
        return self._breaker.call(
            lambda: self._shared.acquire(counter), lambda: self._local.acquire(counter)
        )

    def get_retry_after(self, counter: Counter) -> int:
        """Return the seconds until another attempt is allowed, or 0 if one is allowed now."""
        return self._breaker.call(
            lambda: self._shared.get_retry_after(counter),
            lambda: self._local.get_retry_after(counter),
        )

    def release(self, counter: Counter) -> None:
        """Subtract one attempt."""
        self._breaker.call(
            lambda: self._shared.release(counter), lambda: self._local.release(counter)
        )

    def reset(self, counter: Counter) -> None:
        """Reset the counter in both stores, so that counts from an outage do not linger."""
        self._local.reset(counter)
        self._breaker.call(lambda: self._shared.reset(counter), lambda: None)


def _get_usage(counter: Counter, *, increment: bool) -> dict[str, Any]:
    usage: dict[str, Any] = get_usage(
        request=None,  # only needed for keys and rates that are computed from a request
        group=counter.group,
        key=lambda *_: counter.who,
        rate=(counter.limit.attempts, counter.limit.seconds),
        increment=increment,
    )
    return usage


def _get_cache_key(counter: Counter) -> str:
    # django-ratelimit cannot subtract or reset, so we build its key with its private functions.
    limit = counter.limit
    window = _get_window(counter.who, limit.seconds)
    rate = (limit.attempts, limit.seconds)
    return str(_make_cache_key(counter.group, window, rate, counter.who, ALL))


def _get_cache() -> BaseCache:
    return caches[CACHE]
