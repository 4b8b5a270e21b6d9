"""Idempotency keys, as Stripe handles them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.stripe_double.account import ApiError

STORED_SECONDS = 24 * 3600


@dataclass
class Response:
    """An HTTP response: its status, its JSON body and its extra headers."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class _StoredCall:
    params: Any
    created: int
    response: Response | None = None  # None while the first call is running


class IdempotencyKeys:
    """The stored responses, by key. A response is stored for 24 hours."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._calls: dict[str, _StoredCall] = {}

    def acquire(self, key: str, params: Any) -> Response | None:
        """Return the stored response of a key, or None for its first call.

        The first call must ``store`` its response or ``release`` the key. Raises
        ApiError if the parameters differ from those of the first call, or if the
        first call is still running.
        """
        with self._lock:
            stored = self._calls.get(key)
            if stored is None or stored.created + STORED_SECONDS < self._now():
                self._calls[key] = _StoredCall(params, self._now())
                return None
        if stored.params != params:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{key}'."
            )
            error = ApiError(400, message)
            error.error["type"] = "idempotency_error"
            raise error
        if stored.response is None:
            message = f"There is currently another in-progress request using this key: {key}."
            raise ApiError(409, message, code="idempotency_key_in_use")
        headers = stored.response.headers | {"Idempotent-Replayed": "true"}
        return Response(stored.response.status, stored.response.body, headers)

    def store(self, key: str, response: Response) -> None:
        """Store the response of the call that acquired the key."""
        with self._lock:
            self._calls[key].response = response

    def release(self, key: str) -> None:
        """Store nothing: the call failed before it did any work."""
        with self._lock:
            del self._calls[key]
