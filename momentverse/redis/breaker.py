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


Answer = TypeVar("Answer")


class CircuitBreaker:
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
            self._retry_shared_at = now + RETRY_SECONDS
            return True

    def _shared_failed(self, error: RedisError) -> None:
        with self._lock:
            self._retry_shared_at = time.monotonic() + RETRY_SECONDS
        logger.warning("limits fall back to this process: %s", error)
