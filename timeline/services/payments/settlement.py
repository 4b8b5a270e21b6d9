"""Apply the result of a checkout session to its order, exactly once.

This is the only way from money to a moment. The webhook, the return page and the
reconciler all fetch the session and call ``settle``. It locks the order, so of
several calls at once only one applies the session; the others find it applied.
States only move forward: a paid checkout stays paid, whatever arrives later.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models.functions import Now

from timeline.models import (
    UNSETTLED,
    Checkout,
    CheckoutState,
    Moment,
    Order,
    OrderEmail,
    OrderStatus,
    Status,
)
from timeline.services import transitions
from timeline.services.claims import fulfilment, orders
from timeline.services.payments import emails, refunds
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers.base import Session, SessionState
from timeline.services.placement import retry_on_conflict

logger = logging.getLogger("timeline.payments")

# The states of a session that ended without money.
_END_STATES = {
    SessionState.EXPIRED: CheckoutState.EXPIRED,
    SessionState.FAILED: CheckoutState.FAILED,
}
_END_REASONS = {
    SessionState.EXPIRED: "the time to pay is over",
    SessionState.FAILED: "the money did not arrive",
}


def refresh(checkout: Checkout) -> None:
    """Fetch the session of a checkout from its provider and apply it. Raises ProviderError."""
    if checkout.session_id:
        settle(checkout, get_provider(checkout.provider).get_session(checkout.session_id))


@retry_on_conflict
def settle(checkout: Checkout, session: Session) -> None:
    """Apply a session, just fetched from the provider, to its order.

    Applying it again changes nothing. Raises TimelineBusy if the days of the
    moment's span stay locked; then nothing is applied.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=checkout.order_id)
        stored = Checkout.objects.select_for_update().get(pk=checkout.pk)
        if stored.state != CheckoutState.PAID:
            _apply_session(order, stored, session)


def _apply_session(order: Order, checkout: Checkout, session: Session) -> None:
    checkout.session_id = checkout.session_id or session.id
    checkout.polled_at = Now()
    if session.state is SessionState.PAID:
        _apply_paid(order, checkout, session)
        return
    if session.state in _END_STATES:
        _apply_ended(order, checkout, session)
    elif session.state is SessionState.PENDING and checkout.state in UNSETTLED:
        checkout.state = CheckoutState.PENDING
    elif checkout.state == CheckoutState.INTENDED:
        checkout.state, checkout.url = CheckoutState.OPEN, session.url
    checkout.save()


def _apply_paid(order: Order, checkout: Checkout, session: Session) -> None:
    """Store the captured amount, then put the moment on the timeline or return the money."""
    checkout.state = CheckoutState.PAID
    checkout.captured, checkout.captured_currency = session.amount, session.currency
    checkout.payment_id = session.payment_id
    checkout.save()
    mismatch = _describe_mismatch(order, checkout, session)
    if mismatch:
        logger.error("payment %s: %s", session.id, mismatch)
        _return_money(order, checkout, mismatch)
    elif order.status not in (OrderStatus.OPEN, OrderStatus.CLOSED):
        _return_money(order, checkout, "this order was settled before")
    elif fulfilment.fulfil(order, order.moment):
        emails.queue_email(order, OrderEmail.Kind.RECEIPT)
    else:
        _return_money(order, checkout, "the span was no longer free when the money arrived")


def _describe_mismatch(order: Order, checkout: Checkout, session: Session) -> str:
    """Return how a paid session differs from what we requested; an empty string if it does not."""
    if session.amount != checkout.amount or session.currency != checkout.currency:
        return f"{session.amount} {session.currency} is not what the order says"
    if session.reference != order.public_id:
        return "it names another order"
    return ""


def _return_money(order: Order, checkout: Checkout, reason: str) -> None:
    """Refund money that buys nothing. An order that was not paid before ends here."""
    if order.status in (OrderStatus.OPEN, OrderStatus.CLOSED):
        _release(order, reason)
        if checkout.captured:
            refunds.mark_refunding(order)
        else:
            orders.close_order(order, reason)
    if checkout.captured:
        refunds.create_refund(order, checkout, reason)


def _apply_ended(order: Order, checkout: Checkout, session: Session) -> None:
    """Record that a session ended without money, and release the span of its order."""
    if checkout.state in (CheckoutState.EXPIRED, CheckoutState.FAILED):
        return
    was_abandoned = checkout.state == CheckoutState.ABANDONED
    checkout.state = _END_STATES[session.state]
    if was_abandoned or order.status != OrderStatus.OPEN:
        return
    reason = _END_REASONS[session.state]
    _release(order, reason)
    orders.close_order(order, reason)
    emails.queue_email(order, OrderEmail.Kind.EXPIRED)


def _release(order: Order, reason: str) -> None:
    moment = Moment.objects.get(pk=order.moment_id)
    if moment.status in (Status.HELD, Status.PAYING):
        transitions.release(moment, reason)


@retry_on_conflict
def release_unpaid(moment: Moment) -> bool:
    """Release a span that waits for a payment that was never opened. Return whether it was released."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(moment=moment)
        if order.status != OrderStatus.OPEN:
            return False
        if Checkout.objects.filter(order=order, state__in=UNSETTLED).exists():
            return False
        _release(order, "not paid")
        orders.close_order(order, "not paid")
        return True
