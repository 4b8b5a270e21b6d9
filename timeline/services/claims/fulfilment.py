"""Turn a claim into a moment on the timeline, once it is paid or if it costs nothing."""

from __future__ import annotations

from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from timeline.core.exceptions import ClaimRefused, SpanTaken, TransitionRefused
from timeline.models import Moment, Order, OrderStatus
from timeline.services import transitions
from timeline.services.claims.holds import locked_hold, require_open_account
from timeline.services.claims.orders import log_event
from timeline.services.placement import lock_spans, retry_on_conflict


@retry_on_conflict
def claim_free_of_charge(moment: Moment) -> None:
    """Put a held moment whose price is zero on the timeline. Raises ClaimRefused, TimelineBusy."""
    with locked_hold(moment) as (order, held):
        if order.amount:
            raise ClaimRefused("This moment has a price.")
        require_payable(held)
        fulfil(order, held)
    moment.refresh_from_db(fields=["status", "held_until"])


def require_payable(held: Moment) -> None:
    """Raise ClaimRefused if a held moment has no title yet or its person is leaving."""
    if not held.title:
        raise ClaimRefused("Give the moment a title first.")
    require_open_account(held.user)


def fulfil(order: Order, moment: Moment) -> bool:
    """Put a paid moment on the timeline if its span is still its person's, or free. Return whether it was.

    Part of the caller's transaction, which has locked the order. A span that
    was released in the meantime is taken again, unless somebody else has it or
    its person has left.
    """
    try:
        with lock_spans([moment.span], affects_pages=False):
            # Checked now that the days are locked: an erasure is either over or has not begun.
            _require_account_not_erased(order)
            transitions.activate(moment)
    except (SpanTaken, TransitionRefused, ClaimRefused):
        return False
    Order.objects.filter(pk=order.pk).update(
        status=OrderStatus.PAID, status_changed_at=Now(), paid_at=Now()
    )
    log_event(
        order, "paid; the moment is on the timeline" if order.amount else "claimed, free of charge"
    )
    return True


def _require_account_not_erased(order: Order) -> None:
    is_leaving = Q(is_active=False) | Q(erase_after__lte=Now())
    if User.objects.filter(is_leaving, pk=order.user_id).exists():
        raise ClaimRefused("This account is closed.")
