"""Payment errors. Their messages are shown to the person who pays or refunds."""

from __future__ import annotations

from timeline.core.exceptions import TimelineError


class PaymentUnavailable(TimelineError):
    """The provider cannot be reached. The person keeps the span and can try again."""

    def __init__(self) -> None:
        super().__init__(
            "The payment page cannot be opened right now. Your span stays yours;"
            " nothing has been charged. Try again in a moment."
        )


class RefundRefused(TimelineError):
    """An order cannot be refunded. The message says why."""
