"""Opening a payment: the intention is stored, then the provider is asked, then its answer is stored.

Wherever that is cut off, the next attempt asks with the same key and finds the
same session: a person is never shown two open ones.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from timeline.core.exceptions import ClaimRefused
from timeline.models import UNSETTLED, Checkout, CheckoutState, Moment, Order, Status
from timeline.services import placement, transitions
from timeline.services.claims import fulfilment, holds, orders
from timeline.services.payments import settlement
from timeline.services.payments.exceptions import PaymentUnavailable
from timeline.services.payments.providers import get_current_provider, get_provider
from timeline.services.payments.providers.base import (
    ProviderError,
    ProviderFailed,
    ProviderRefused,
    ProviderUnavailable,
    Session,
    SessionRequest,
)

logger = logging.getLogger("timeline.payments")

MAX_ATTEMPTS = 3


def start_checkout(moment: Moment) -> Checkout:
    """Return the one open payment of a claim, opened now if there is none.

    Raises ClaimRefused when the claim cannot be paid for, PaymentUnavailable
    when the provider does not open a session now, and TimelineBusy.
    """
    for _ in range(MAX_ATTEMPTS):
        checkout = _prepare_checkout(moment)
        if checkout.state == CheckoutState.OPEN:
            return checkout
        try:
            return open_session(checkout)
        except ProviderUnavailable as error:
            raise PaymentUnavailable from error
        except (ProviderFailed, ProviderRefused):
            # The error is kept under the key: the next attempt needs another one. What this one may
            # have made all the same is closed by ``reconcile``.
            logger.exception("no session for %s", checkout.key)
            abandon(checkout)
    raise PaymentUnavailable


def _prepare_checkout(moment: Moment) -> Checkout:
    """Store that a payment is about to be opened, unless one is; the span waits for it from here on."""

    def run() -> Checkout:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(moment=moment)
            unsettled = Checkout.objects.filter(order=order, state__in=UNSETTLED).first()
            if unsettled:
                return _refuse_pending(unsettled)
            state = Moment.objects.values_list("status", flat=True).get(pk=moment.pk)
            if state == Status.PAYING:  # an attempt was abandoned
                return _create_checkout(order)
            return holds.locked_hold(moment, _start_paying)

    return placement.retrying(run)


def _refuse_pending(checkout: Checkout) -> Checkout:
    if checkout.state == CheckoutState.PENDING:
        raise ClaimRefused("You have paid; we are waiting for the money to arrive.")
    return checkout


def _start_paying(order: Order, held: Moment) -> Checkout:
    fulfilment.require_payable(held)
    checkout = _create_checkout(order)
    transitions.start_payment(held, until=checkout.expires_at)
    orders.log_event(order, "payment begun")
    return checkout


def _create_checkout(order: Order) -> Checkout:
    provider = get_current_provider()
    number = Checkout.objects.filter(order=order).count() + 1
    return Checkout.objects.create(
        order=order,
        provider=provider.name,
        key=f"{order.public_id}-{number}",
        amount=order.amount,
        currency=order.currency,
        # The provider counts by its own clock, which is ours within seconds.
        expires_at=(timezone.now() + provider.session_length).replace(microsecond=0),
    )


def open_session(checkout: Checkout) -> Checkout:
    """Ask the provider for the session of a stored intention, and store its answer.

    Raises ProviderError.
    """
    session = get_provider(checkout.provider).create_session(_build_session_request(checkout))
    link_session(checkout, session)
    return checkout


def link_session(checkout: Checkout, session: Session) -> None:
    """Store which session belongs to an intention; what is stored already stays."""
    Checkout.objects.filter(pk=checkout.pk, session_id="").update(
        session_id=session.id, url=session.url, polled_at=Now()
    )
    Checkout.objects.filter(pk=checkout.pk, state=CheckoutState.INTENDED).update(
        state=CheckoutState.OPEN
    )
    checkout.refresh_from_db()


def _build_session_request(checkout: Checkout) -> SessionRequest:
    order = checkout.order
    # From what was frozen alone: the same key must always ask for the same.
    back = settings.SITE_URL + reverse("timeline:claim-done", args=[order.moment_id])
    review = settings.SITE_URL + reverse("timeline:claim-review", args=[order.moment_id])
    return SessionRequest(
        key=checkout.key,
        reference=order.public_id,
        description=f"MomentVerse, order {order.public_id}",
        lines=tuple((line["name"], line["amount"]) for line in order.lines),
        amount=checkout.amount,
        currency=checkout.currency,
        email=order.user.email,
        expires_at=checkout.expires_at,
        success_url=back,
        cancel_url=review,
    )


def abandon(checkout: Checkout) -> None:
    """Give an intention up. What the provider may have made of it is closed by ``reconcile``."""
    Checkout.objects.filter(pk=checkout.pk, state=CheckoutState.INTENDED).update(
        state=CheckoutState.ABANDONED
    )


def get_unsettled_checkout(moment: Moment) -> Checkout | None:
    """Return the payment of a claim that is not over, if any."""
    return Checkout.objects.filter(order__moment=moment, state__in=UNSETTLED).first()


def cancel_payment(moment: Moment) -> None:
    """Close a claim's payment at the provider and give the span back; paid in between, it is paid.

    Raises PaymentUnavailable when the provider does not answer, ClaimRefused
    when money is on its way.
    """
    checkout = get_unsettled_checkout(moment)
    try:
        if checkout is None:
            settlement.release_unpaid(moment)
        else:
            _expire_session(_opened(_refuse_pending(checkout)))
    except ProviderError as error:
        raise PaymentUnavailable from error


def _opened(checkout: Checkout) -> Checkout:
    """Return a checkout with its session's id; one that was only intended is asked for first."""
    return checkout if checkout.session_id else open_session(checkout)


def _expire_session(checkout: Checkout) -> None:
    session = get_provider(checkout.provider).expire_session(checkout.session_id)
    settlement.settle(checkout, session)


def close_overdue(moment: Moment, **signal: Any) -> None:
    """Close the payment of a span whose time to pay is over, so that others may have it.

    Receiver of ``claims.payment_overdue``. Without an answer all stays as it is.
    """
    checkout = get_unsettled_checkout(moment)
    try:
        if checkout is None:
            settlement.release_unpaid(moment)
        elif checkout.session_id and checkout.state == CheckoutState.OPEN:
            _expire_session(checkout)
        else:
            settlement.refresh(checkout)
    except ProviderError as error:
        logger.warning("overdue payment %s cannot be closed now: %s", checkout, error)
