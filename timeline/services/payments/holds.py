"""Hold a span that an overdue payment may still keep from others."""

from __future__ import annotations

from accounts.models import User
from timeline.core.exceptions import SpanTaken
from timeline.core.spans import Span
from timeline.models import Moment
from timeline.selectors.claims import list_overdue_payments
from timeline.services.claims.holds import hold
from timeline.services.payments.checkout import expire_payment


def hold_or_expire(user: User, span: Span, *, time_zone: str = "UTC") -> Moment:
    """Hold a span as ``hold`` does. If overdue payments occupy it, expire them and try once more.

    The clock alone never releases a moment that is being paid for: its provider
    must confirm that the session has ended. So this calls the provider over
    HTTP, outside any transaction and outside everything that is retried. If the
    provider does not answer, the payment stays open and the span stays taken.

    Raises what ``hold`` raises.
    """
    try:
        return hold(user, span, time_zone=time_zone)
    except SpanTaken:
        overdue = list_overdue_payments(span)
        if not overdue:
            raise
    for moment in overdue:
        expire_payment(moment)
    return hold(user, span, time_zone=time_zone)
