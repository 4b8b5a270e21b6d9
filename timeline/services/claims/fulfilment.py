"""Turn a claim into a moment: check that it may be fulfilled, and fulfil it."""

from __future__ import annotations

from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from timeline.core.exceptions import ClaimRefused, SpanTaken, TransitionRefused
from timeline.models import Moment, Order, OrderStatus
from timeline.services import placement, transitions
from timeline.services.claims.holds import locked_hold, require_open_account
from timeline.services.claims.orders import note


def claim_free_of_charge(moment: Moment) -> None:
    """Give a held span whose price is nothing to its person, once. Raises ClaimRefused."""

    def change(order: Order, held: Moment) -> None:
        if order.amount:
            raise ClaimRefused("This moment has a price.")
        require_payable(held)
        fulfil(order, held)

    locked_hold(moment, change)
    moment.refresh_from_db(fields=["status", "held_until"])


def require_payable(held: Moment) -> None:
    """Refuse a hold that cannot be paid for yet. Raises ClaimRefused."""
    if not held.title:
        raise ClaimRefused("Give the moment a title first.")
    require_open_account(held.user)


def fulfil(order: Order, moment: Moment) -> bool:
    """Make a paid moment its person's, if its span is theirs or still free; return whether it was.

    Part of the caller's transaction, which has the order locked. A span that
    was released meanwhile is taken again, unless somebody else has it or its
    person has left.
    """
    try:
        with placement.lock_spans([moment.span], shown=False):
            # Looked at now that the days are locked: an erasure is over, or has not begun.
            _require_account_not_erased(order)
            transitions.activate(moment)
    except (SpanTaken, TransitionRefused, ClaimRefused):
        return False
    Order.objects.filter(pk=order.pk).update(
        status=OrderStatus.PAID, status_changed_at=Now(), paid_at=Now()
    )
    note(
        order, "paid; the moment is on the timeline" if order.amount else "claimed, free of charge"
    )
    return True


def _require_account_not_erased(order: Order) -> None:
    leaving = Q(is_active=False) | Q(erase_after__lte=Now())
    if User.objects.filter(leaving, pk=order.user_id).exists():
        raise ClaimRefused("This account is closed.")
