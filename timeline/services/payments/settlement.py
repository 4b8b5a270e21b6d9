"""What a checkout session has come to, applied once: the one way from money to a moment.

Webhook, return page and reconciler all fetch the session and call ``settle``.
It locks the order, so of many at once one applies and the others find it done.
States only go forward: what is paid stays paid, whatever arrives later.
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
from timeline.services import placement, transitions
from timeline.services.claims import fulfilment, orders
from timeline.services.payments import emails, refunds
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers.base import Session, SessionState

logger = logging.getLogger("timeline.payments")

_END_STATES = {
    SessionState.EXPIRED: CheckoutState.EXPIRED,
    SessionState.FAILED: CheckoutState.FAILED,
}
_END_REASONS = {
    SessionState.EXPIRED: "the time to pay is over",
    SessionState.FAILED: "the money did not arrive",
}


def refresh(checkout: Checkout) -> None:
    """Ask the provider what became of a checkout, and apply it. Raises ProviderError."""
    if checkout.session_id:
        settle(checkout, get_provider(checkout.provider).session(checkout.session_id))


def settle(checkout: Checkout, session: Session) -> None:
    """Apply a session, fetched just now, to its order. Applied before, it changes nothing.

    Raises TimelineBusy when the span's days stay locked; nothing is applied then.
    """

    def run() -> None:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=checkout.order_id)
            stored = Checkout.objects.select_for_update().get(pk=checkout.pk)
            if stored.state != CheckoutState.PAID:
                _apply_session(order, stored, session)

    placement.retrying(run)


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
    checkout.state = CheckoutState.PAID
    checkout.captured, checkout.captured_currency = session.amount, session.currency
    checkout.payment_id = session.payment_id
    checkout.save()
    wrong = _describe_mismatch(order, checkout, session)
    if wrong:
        logger.error("payment %s: %s", session.id, wrong)
        _return_money(order, checkout, wrong)
    elif order.status not in (OrderStatus.OPEN, OrderStatus.CLOSED):
        _return_money(order, checkout, "this order was settled before")
    elif fulfilment.fulfil(order, order.moment):
        emails.queue_email(order, OrderEmail.Kind.RECEIPT)
    else:
        _return_money(order, checkout, "the span was no longer free when the money arrived")


def _describe_mismatch(order: Order, checkout: Checkout, session: Session) -> str:
    """Say what of a paid session is not what was asked for; nothing, when all is well."""
    if session.amount != checkout.amount or session.currency != checkout.currency:
        return f"{session.amount} {session.currency} is not what the order says"
    if session.reference != order.public_id:
        return "it names another order"
    return ""


def _return_money(order: Order, checkout: Checkout, why: str) -> None:
    """Pay back what cannot be earned; an order that had not been paid before ends with it."""
    if order.status in (OrderStatus.OPEN, OrderStatus.CLOSED):
        _release(order, why)
        if checkout.captured:
            refunds.mark_refunding(order)
        else:
            orders.close(order, why)
    if checkout.captured:
        refunds.create_refund(order, checkout, why)


def _apply_ended(order: Order, checkout: Checkout, session: Session) -> None:
    if checkout.state in (CheckoutState.EXPIRED, CheckoutState.FAILED):
        return
    was_abandoned = checkout.state == CheckoutState.ABANDONED
    checkout.state = _END_STATES[session.state]
    if was_abandoned or order.status != OrderStatus.OPEN:
        return
    why = _END_REASONS[session.state]
    _release(order, why)
    orders.close(order, why)
    emails.queue_email(order, OrderEmail.Kind.EXPIRED)


def _release(order: Order, why: str) -> None:
    moment = Moment.objects.get(pk=order.moment_id)
    if moment.status in (Status.HELD, Status.PAYING):
        transitions.release(moment, why)


def release_unpaid(moment: Moment) -> bool:
    """Give back a span that waits for a payment which was never opened; return whether it was."""

    def run() -> bool:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(moment=moment)
            if order.status != OrderStatus.OPEN:
                return False
            if Checkout.objects.filter(order=order, state__in=UNSETTLED).exists():
                return False
            _release(order, "not paid")
            orders.close(order, "not paid")
            return True

    return placement.retrying(run)
