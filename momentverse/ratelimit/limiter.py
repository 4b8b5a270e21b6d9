"""How many requests a user or a network may make per minute.

Counted in Redis for all processes together, in one round trip; in this process if there is no
Redis or it is unavailable.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from typing import cast

from redis.exceptions import NoScriptError, RedisError

from momentverse.ratelimit.sliding_window import SCRIPT, LocalWindows, RateLimitResult, evaluate
from momentverse.redis.breaker import CircuitBreaker
from momentverse.redis.client import Command, RedisClient, Reply

logger = logging.getLogger("momentverse.limits")

# While Redis is unavailable each process counts alone, so it allows only this share of the limit.
LOCAL_SHARE = 0.5
KEY_PREFIX = "momentverse-limits:"
# Keys of the WSGI environment. The page cache counts requests before Django does and leaves the result.
RATE_LIMIT_RESULT_KEY = "momentverse.rate_limit_result"
# It also leaves its limiter, so that one limiter counts everything that is counted in this process.
LIMITER_KEY = "momentverse.limiter"
_SCRIPT_HASH = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  Redis's name for a script
# The key that a request is counted under, and a command to send in the same round trip.
Hit = tuple[str, Command | None]


def get_local_limit(limit: int) -> int:
    """Return the limit to apply while each process counts alone."""
    return max(1, int(limit * LOCAL_SHARE))


class Limiter:
    """A sliding-window limit in Redis, or in this process if there is none or it is unavailable."""

    def __init__(self, redis_url: str, timeout_seconds: float) -> None:
        self._local = LocalWindows()
        self.redis = RedisClient(redis_url, timeout_seconds) if redis_url else None
        self.breaker = CircuitBreaker()

    def hit(self, key: str, per_minute: int) -> RateLimitResult:
        """Count one request under ``key``."""
        return self.hit_many(per_minute, [(key, None)])[0][0]

    def hit_many(
        self, per_minute: int, hits: Sequence[Hit]
    ) -> tuple[list[RateLimitResult], list[Reply] | None]:
        """Count some requests and send the commands that come with them, in one round trip.

        Returns a result for each request, and the replies to the commands: None if Redis is
        unavailable.
        """
        redis = self.redis
        if redis is None:
            return self._hit_locally(per_minute, hits), None
        return self.breaker.call(
            lambda: _hit_in_redis(redis, per_minute, hits),
            lambda: (self._hit_locally(get_local_limit(per_minute), hits), None),
        )

    def _hit_locally(self, per_minute: int, hits: Sequence[Hit]) -> list[RateLimitResult]:
        return [self._local.hit(key, per_minute) for key, _ in hits]


def _hit_in_redis(
    redis: RedisClient, per_minute: int, hits: Sequence[Hit]
) -> tuple[list[RateLimitResult], list[Reply]]:
    script_arguments: list[Command] = [(1, KEY_PREFIX + key, per_minute) for key, _ in hits]
    commands = [command for _, command in hits if command is not None]
    replies = redis.execute(
        *(("EVALSHA", _SCRIPT_HASH, *arguments) for arguments in script_arguments), *commands
    )
    counts = replies[: len(hits)]
    for index, count in enumerate(counts):
        if isinstance(count, NoScriptError):  # Redis was restarted or flushed
            (counts[index],) = redis.execute(("EVAL", SCRIPT, *script_arguments[index]))
        if isinstance(error := counts[index], RedisError):
            raise error
    results = [evaluate(per_minute, *cast(list[int], count)) for count in counts]
    return results, replies[len(hits) :]


def network_key(network: str) -> str:
    """Return the key that a network's requests are counted under."""
    return f"network:{network}"
