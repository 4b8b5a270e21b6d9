"""A sliding window of two counters: this window's requests, and the share of the last one's still in sight.

So a burst at a minute's turn does not count as two minutes' worth. A window
begins with somebody's first request. The same arithmetic twice: as a script
that Redis runs in one piece, and here for what is counted in the process.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_MS = 60_000
# What one process counts at most; whoever was seen longest ago is forgotten first.
MAX_KEYS = 100_000

# KEYS: whom it is counted for. ARGV: the limit. One small value each, gone two windows after its first.
SCRIPT = f"""
local window, limit = {WINDOW_MS}, tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local began, last, count = now, 0, 0
local kept = redis.call('GET', KEYS[1])
if kept then
    local a, b, c = string.match(kept, '(%d+) (%d+) (%d+)')
    began, last, count = tonumber(a), tonumber(b), tonumber(c)
end
local age = now - began
if age < 0 or age >= 2 * window then
    began, last, count, age = now, 0, 0, 0
elseif age >= window then
    began, last, count, age = began + window, count, 0, age - window
end
local allowed = math.floor(last * (window - age) / window) + count < limit
if allowed then
    count = count + 1
    local value = string.format('%.0f %d %d', began, last, count)
    redis.call('SET', KEYS[1], value, 'PX', 2 * window - age)
end
return {{allowed and 1 or 0, last, count, age}}
"""


@dataclass(frozen=True)
class RateLimitResult:
    """What the limiter says of one request."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: int  # whole seconds until there is room again


def evaluate(limit: int, allowed: int, last: int, count: int, age: int) -> RateLimitResult:
    """Say what a count means; ``age`` is how many milliseconds the present window is old."""
    remaining = max(0, limit - last * (WINDOW_MS - age) // WINDOW_MS - count)
    wait = WINDOW_MS - age if remaining else _milliseconds_until_allowed(limit, last, count, age)
    return RateLimitResult(bool(allowed), limit, remaining, max(1, -(-wait // 1000)))


def _milliseconds_until_allowed(limit: int, last: int, count: int, age: int) -> int:
    """Return the milliseconds until one more is within the limit."""
    if count < limit:
        # As this window goes on, less of the last one is in sight.
        in_sight = WINDOW_MS * (limit - count) // last
        return WINDOW_MS - age - in_sight + 1
    # Not before the next window, of which this one will be the last.
    return WINDOW_MS - age + WINDOW_MS - WINDOW_MS * limit // count + 1


class LocalWindows:
    """Counts in this process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def hit(self, key: str, limit: int) -> RateLimitResult:
        """Count one request under ``key`` if it is within ``limit``, and say so."""
        with self._lock:
            now = int(self._now() * 1000)
            began, last, count = self._kept.pop(key, (now, 0, 0))
            age = now - began
            if age >= 2 * WINDOW_MS:
                began, last, count, age = now, 0, 0, 0
            elif age >= WINDOW_MS:
                began, last, count, age = began + WINDOW_MS, count, 0, age - WINDOW_MS
            allowed = last * (WINDOW_MS - age) // WINDOW_MS + count < limit
            count += allowed
            self._kept[key] = (began, last, count)
            if len(self._kept) > MAX_KEYS:
                self._kept.popitem(last=False)
        return evaluate(limit, allowed, last, count, age)
