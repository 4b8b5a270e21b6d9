"""What can go wrong with a payment, in sentences for the person who pays."""

from __future__ import annotations

from timeline.core.exceptions import TimelineError


class PaymentUnavailable(TimelineError):
    """The provider cannot be reached now; the span stays its person's, and trying again helps."""

    def __init__(self) -> None:
        super().__init__(
            "The payment page cannot be opened right now. Your span stays yours;"
            " nothing has been charged. Try again in a moment."
        )


class RefundRefused(TimelineError):
    """An order cannot be refunded; the text says why."""
