"""Counting attempts: over the shared cache, and in this process while that is away.

The shared counts are django-ratelimit's. It makes a key by an atomic ``add``
or raises it by an atomic ``incr``, so each of many attempts at once gets a
number of its own, and exactly so many of them are within the limit. Its
windows are fixed and begin at an offset of the key's own. So a count ends with
its window, which makes Retry-After exact; and at a window's turn the attempts
of two windows may follow each other closely, which is no more guesses an hour.

The local counts are stricter, and their windows move.
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
# The most counters that one process keeps. Beyond that it forgets the one that was used longest ago.
MAX_LOCAL_COUNTERS = 100_000


@dataclass(frozen=True)
class Limit:
    """So many attempts in a window of so many seconds."""

    attempts: int
    seconds: int


@dataclass(frozen=True)
class Counter:
    """One count: what is counted, and whom it is kept for."""

    group: str
    who: str
    limit: Limit


class Counts(Protocol):
    """Somewhere to count."""

    def take(self, counter: Counter) -> bool:
        """Count an attempt and tell whether it is within the limit."""

    def wait(self, counter: Counter) -> int:
        """Return the seconds until there is room; 0 when there is."""

    def give_back(self, counter: Counter) -> None:
        """Take one attempt off."""

    def clear(self, counter: Counter) -> None:
        """Begin anew."""


class SharedCounts:
    """Counts that all processes share, by django-ratelimit."""

    def take(self, counter: Counter) -> bool:
        """Count an attempt and tell whether it is within the limit."""
        return not _usage(counter, increment=True)["should_limit"]

    def wait(self, counter: Counter) -> int:
        """Return the seconds until the window has ended; 0 while there is room in it."""
        usage = _usage(counter, increment=False)
        # A window's last second belongs to it.
        return int(usage["time_left"]) + 1 if usage["count"] >= usage["limit"] else 0

    def give_back(self, counter: Counter) -> None:
        """Take one attempt off, unless its window has ended."""
        with suppress(ValueError):
            _cache().decr(_key(counter))

    def clear(self, counter: Counter) -> None:
        """Begin anew."""
        _cache().delete(_key(counter))


class LocalCounts:
    """Counts of this process alone, to a share of the limit.

    Each counter keeps the times of its latest attempts, so the window is exact: no stretch of
    ``Limit.seconds`` holds more attempts than the limit. A refused attempt is not counted.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._attempts: OrderedDict[Counter, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, counter: Counter) -> bool:
        """Count an attempt and tell whether it is within the limit."""
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

    def wait(self, counter: Counter) -> int:
        """Return the seconds until the oldest attempt no longer counts; 0 while there is room."""
        with self._lock:
            attempts = self._attempts_within_window(counter)
            if len(attempts) < get_local_limit(counter.limit.attempts):
                return 0
            return max(1, math.ceil(attempts[0] + counter.limit.seconds - self._now()))

    def give_back(self, counter: Counter) -> None:
        """Keep it: what is stricter here is this as well."""

    def clear(self, counter: Counter) -> None:
        """Begin anew."""
        with self._lock:
            self._attempts.pop(counter, None)

    def _attempts_within_window(self, counter: Counter) -> deque[float]:
        attempts = self._attempts.get(counter) or deque[float]()
        while attempts and attempts[0] <= self._now() - counter.limit.seconds:
            attempts.popleft()
        return attempts


class Attempts:
    """Shared counts or, while their cache is away, local ones."""

    def __init__(self) -> None:
        self._shared: Counts = SharedCounts()
        self._local: Counts = LocalCounts()
        self._breaker = CircuitBreaker()

    def take(self, counter: Counter) -> bool:
        """Count an attempt and tell whether it is within the limit."""
        return self._breaker.ask(
            lambda: self._shared.take(counter), lambda: self._local.take(counter)
        )

    def wait(self, counter: Counter) -> int:
        """Return the seconds until there is room; 0 when there is."""
        return self._breaker.ask(
            lambda: self._shared.wait(counter), lambda: self._local.wait(counter)
        )

    def give_back(self, counter: Counter) -> None:
        """Take one attempt off."""
        self._breaker.ask(
            lambda: self._shared.give_back(counter), lambda: self._local.give_back(counter)
        )

    def clear(self, counter: Counter) -> None:
        """Begin anew, here as well: what was counted while the cache was away is over, too."""
        self._local.clear(counter)
        self._breaker.ask(lambda: self._shared.clear(counter), lambda: None)


def _usage(counter: Counter, *, increment: bool) -> dict[str, Any]:
    usage: dict[str, Any] = get_usage(
        request=None,  # asked only by keys and rates that are made from it
        group=counter.group,
        key=lambda *_: counter.who,
        rate=(counter.limit.attempts, counter.limit.seconds),
        increment=increment,
    )
    return usage


def _key(counter: Counter) -> str:
    # django-ratelimit has no word for taking back: its key is made by its private functions.
    limit = counter.limit
    window = _get_window(counter.who, limit.seconds)
    rate = (limit.attempts, limit.seconds)
    return str(_make_cache_key(counter.group, window, rate, counter.who, ALL))


def _cache() -> BaseCache:
    return caches[CACHE]
