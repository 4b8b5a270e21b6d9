"""Idempotency keys, as Stripe treats them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.stripe_double.account import Refused

KEPT_FOR = 24 * 3600


@dataclass
class Answer:
    """A status and a body, and the headers that go with them."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class _Kept:
    asked: Any
    made: int
    answer: Answer | None = None  # None while the first call is being worked on


class Keys:
    """The answers that are kept, by key."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def take(self, key: str, asked: Any) -> Answer | None:
        """Return the kept answer, or None to the first: it must ``keep`` or ``release`` the key."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.made + KEPT_FOR < self._now():
                self._kept[key] = _Kept(asked, self._now())
                return None
        if kept.asked != asked:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{key}'."
            )
            error = Refused(400, message)
            error.error["type"] = "idempotency_error"
            raise error
        if kept.answer is None:
            message = f"There is currently another in-progress request using this key: {key}."
            raise Refused(409, message, code="idempotency_key_in_use")
        headers = kept.answer.headers | {"Idempotent-Replayed": "true"}
        return Answer(kept.answer.status, kept.answer.body, headers)

    def keep(self, key: str, answer: Answer) -> None:
        """Keep the answer of the call that took the key."""
        with self._lock:
            self._kept[key].answer = answer

    def release(self, key: str) -> None:
        """Keep nothing: no work had begun."""
        with self._lock:
            del self._kept[key]
