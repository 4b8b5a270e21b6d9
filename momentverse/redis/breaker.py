"""A circuit breaker around Redis."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

logger = logging.getLogger("momentverse.limits")

RETRY_SECONDS = 5.0

Result = TypeVar("Result")


class CircuitBreaker:
    """Calls Redis while it is available, and a fallback while it is not.

    After a failure the breaker is open. Every ``RETRY_SECONDS`` it lets exactly one caller try
    Redis again, so that the others do not pay for a timeout.
    """

    def __init__(self) -> None:
        self._retry_at: float | None = None  # None while closed; by `time.monotonic`
        self._lock = threading.Lock()

    def call(self, primary: Callable[[], Result], fallback: Callable[[], Result]) -> Result:
        """Return the result of ``primary``, or of ``fallback`` if the breaker is open or Redis fails."""
        if self._may_try():
            try:
                result = primary()
            except RedisError as error:
                self._open(error)
            else:
                self._retry_at = None
                return result
        return fallback()

    def _may_try(self) -> bool:
        if self._retry_at is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._retry_at is not None and now < self._retry_at:
                return False
            self._retry_at = now + RETRY_SECONDS
            return True

    def _open(self, error: RedisError) -> None:
        with self._lock:
            self._retry_at = time.monotonic() + RETRY_SECONDS
        logger.warning("limits fall back to this process: %s", error)
