"""A sliding window made of two counters: the requests of this window and of the one before it.

The previous window counts in proportion to how much of it is still within the last minute. So a
burst at the turn of a minute does not count as two minutes' worth. A client's window starts with
its first request. The arithmetic is implemented twice: as a script that Redis runs atomically,
and in Python for counting in this process.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_MS = 60_000
# The most keys that one process counts; the least recently used go first.
MAX_KEYS = 100_000

# KEYS[1]: the client. ARGV[1]: the limit. Each key expires two windows after its first request.
SCRIPT = f"""
local window, limit = {WINDOW_MS}, tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local began, previous, count = now, 0, 0
local stored = redis.call('GET', KEYS[1])
if stored then
    local a, b, c = string.match(stored, '(%d+) (%d+) (%d+)')
    began, previous, count = tonumber(a), tonumber(b), tonumber(c)
end
local age = now - began
if age < 0 or age >= 2 * window then
    began, previous, count, age = now, 0, 0, 0
elseif age >= window then
    began, previous, count, age = began + window, count, 0, age - window
end
local allowed = math.floor(previous * (window - age) / window) + count < limit
if allowed then
    count = count + 1
    local value = string.format('%.0f %d %d', began, previous, count)
    redis.call('SET', KEYS[1], value, 'PX', 2 * window - age)
end
return {{allowed and 1 or 0, previous, count, age}}
"""


@dataclass(frozen=True)
class RateLimitResult:
    """Whether a request is allowed, and what is left of the limit."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: int  # whole seconds until there is room again


def evaluate(limit: int, allowed: int, previous: int, count: int, age: int) -> RateLimitResult:
    """Return the result for the counts of the previous and the present window.

    ``age`` is the age of the present window in milliseconds.
    """
    remaining = max(0, limit - previous * (WINDOW_MS - age) // WINDOW_MS - count)
    wait = WINDOW_MS - age if remaining else _wait_ms(limit, previous, count, age)
    return RateLimitResult(bool(allowed), limit, remaining, max(1, -(-wait // 1000)))


def _wait_ms(limit: int, previous: int, count: int, age: int) -> int:
    """Return the milliseconds until one more request is within the limit."""
    if count < limit:
        # While the present window goes on, less and less of the previous one counts.
        allowed_share = WINDOW_MS * (limit - count) // previous
        return WINDOW_MS - age - allowed_share + 1
    # Not before the next window, in which the present one is the previous one.
    return WINDOW_MS - age + WINDOW_MS - WINDOW_MS * limit // count + 1


class LocalWindows:
    """The windows of all clients, counted in this process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # By key: the start of the window in milliseconds, the previous count, the present count.
        self._windows: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def hit(self, key: str, limit: int) -> RateLimitResult:
        """Count one request under ``key``, unless it is above ``limit``."""
        with self._lock:
            now = int(self._now() * 1000)
            began, previous, count = self._windows.pop(key, (now, 0, 0))
            age = now - began
            if age >= 2 * WINDOW_MS:
                began, previous, count, age = now, 0, 0, 0
            elif age >= WINDOW_MS:
                began, previous, count, age = began + WINDOW_MS, count, 0, age - WINDOW_MS
            allowed = previous * (WINDOW_MS - age) // WINDOW_MS + count < limit
            count += allowed
            self._windows[key] = (began, previous, count)
            if len(self._windows) > MAX_KEYS:
                self._windows.popitem(last=False)
        return evaluate(limit, allowed, previous, count, age)
