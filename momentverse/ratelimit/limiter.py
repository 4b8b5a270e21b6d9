"""How many requests one user, or one network, may make in a minute.

Counted in Redis, in one round trip, for all processes together; in the
process when there is no Redis or it is away.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from momentverse.ratelimit.sliding_window import SCRIPT, LocalWindows, RateLimitResult, evaluate
from momentverse.redis.breaker import CircuitBreaker
from momentverse.redis.client import Command, RedisClient

logger = logging.getLogger("momentverse.limits")

# While the shared store is away, each process counts for itself, and more strictly.
LOCAL_SHARE = 0.5
KEY_PREFIX = "momentverse-limits:"
# Where the page cache's front, which has counted a request already, leaves what the limiter said.
RESULT_KEY = "momentverse.verdict"
# And where it leaves the limiter itself, so that what is counted in the process is counted in one place.
LIMITER_KEY = "momentverse.limiter"
_SCRIPT_HASH = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  Redis's name for a script
# Whom a request is counted for, and what else Redis is asked on that occasion.
Hit = tuple[str, Command | None]


def get_local_limit(limit: int) -> int:
    """Return what is left of a limit while each process counts for itself."""
    return max(1, int(limit * LOCAL_SHARE))


class Limiter:
    """A sliding-window limit over Redis, or in the process when there is none or it is away."""

    def __init__(self, redis_url: str, timeout_seconds: float) -> None:
        self._local = LocalWindows()
        self.redis = RedisClient(redis_url, timeout_seconds) if redis_url else None
        self.breaker = CircuitBreaker()

    def hit(self, key: str, per_minute: int) -> RateLimitResult:
        """Count one request under ``key`` and say whether it may pass."""
        return self.hit_all(per_minute, [(key, None)])[0][0]

    def hit_all(
        self, per_minute: int, hits: Sequence[Hit]
    ) -> tuple[list[RateLimitResult], list[Any] | None]:
        """Count some requests, each under its key and, in the same round trip, ask what comes with each.

        The replies to that are None when Redis was not there to give any.
        """
        redis = self.redis
        if redis is None:
            return self._hit_here(per_minute, hits), None
        return self.breaker.ask(
            lambda: _count(redis, per_minute, hits),
            lambda: (self._hit_here(get_local_limit(per_minute), hits), None),
        )

    def _hit_here(self, per_minute: int, hits: Sequence[Hit]) -> list[RateLimitResult]:
        return [self._local.hit(key, per_minute) for key, _ in hits]


def _count(
    redis: RedisClient, per_minute: int, hits: Sequence[Hit]
) -> tuple[list[RateLimitResult], list[Any]]:
    scripts: list[Command] = [(1, KEY_PREFIX + key, per_minute) for key, _ in hits]
    asked = [command for _, command in hits if command is not None]
    replies = redis.ask(*(("EVALSHA", _SCRIPT_HASH, *script) for script in scripts), *asked)
    counts = replies[: len(hits)]
    for index, count in enumerate(counts):
        if isinstance(count, NoScriptError):  # a Redis that was started or flushed since
            (counts[index],) = redis.ask(("EVAL", SCRIPT, *scripts[index]))
        if isinstance(counts[index], RedisError):
            raise counts[index]
    return [evaluate(per_minute, *count) for count in counts], replies[len(hits) :]


def network_key(network: str) -> str:
    """Return what a network's requests are counted under."""
    return f"network:{network}"
