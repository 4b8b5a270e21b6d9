"""Open, cancel and expire the payment of a claim.

To open a payment, the checkout is stored first, then the provider is called, then
its answer is stored. If that is interrupted anywhere, the next attempt calls with
the same idempotency key and gets the same session. So a person never has two open
sessions for one order.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from timeline.core.exceptions import ClaimRefused
from timeline.models import UNSETTLED, Checkout, CheckoutState, Moment, Order, Status
from timeline.services import transitions
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
from timeline.services.placement import retry_on_conflict

logger = logging.getLogger("timeline.payments")

MAX_ATTEMPTS = 3


def start_checkout(moment: Moment) -> Checkout:
    """Return the one open checkout of a claim. Open it if there is none.

    Raises ClaimRefused if the claim cannot be paid for, PaymentUnavailable if the
    provider cannot open a session now, and TimelineBusy.
    """
    for _ in range(MAX_ATTEMPTS):
        checkout = _get_or_create_checkout(moment)
        if checkout.state == CheckoutState.OPEN:
            return checkout
        try:
            return open_session(checkout)
        except ProviderUnavailable as error:
            raise PaymentUnavailable from error
        except (ProviderFailed, ProviderRefused):
            # The provider stores the error under the key, so the next attempt needs a new key.
            # If a session was created all the same, ``reconcile`` expires it.
            logger.exception("no session for %s", checkout.key)
            abandon(checkout)
    raise PaymentUnavailable


@retry_on_conflict
def _get_or_create_checkout(moment: Moment) -> Checkout:
    """Return the unsettled checkout of a claim. Store a new one, in state INTENDED, if there is none.

    From then on the moment is PAYING, and its span waits for the payment.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(moment=moment)
        unsettled = Checkout.objects.filter(order=order, state__in=UNSETTLED).first()
        if unsettled:
            _refuse_pending(unsettled)
            return unsettled
        status = Moment.objects.values_list("status", flat=True).get(pk=moment.pk)
        if status == Status.PAYING:  # an earlier attempt was abandoned
            return _create_checkout(order)
        with holds.locked_hold(moment) as (order, held):
            fulfilment.require_payable(held)
            checkout = _create_checkout(order)
            transitions.start_payment(held, until=checkout.expires_at)
            orders.log_event(order, "payment begun")
            return checkout


def _refuse_pending(checkout: Checkout) -> None:
    """Raise ClaimRefused if the buyer has paid and the money has not arrived yet."""
    if checkout.state == CheckoutState.PENDING:
        raise ClaimRefused("You have paid; we are waiting for the money to arrive.")


def _create_checkout(order: Order) -> Checkout:
    provider = get_current_provider()
    number = Checkout.objects.filter(order=order).count() + 1
    return Checkout.objects.create(
        order=order,
        provider=provider.name,
        key=f"{order.public_id}-{number}",
        amount=order.amount,
        currency=order.currency,
        # The provider uses its own clock, which differs from ours by a few seconds at most.
        expires_at=(timezone.now() + provider.session_length).replace(microsecond=0),
    )


def open_session(checkout: Checkout) -> Checkout:
    """Create the provider's session for a stored checkout, and store the answer.

    Raises ProviderError.
    """
    session = get_provider(checkout.provider).create_session(_build_session_request(checkout))
    link_session(checkout, session)
    return checkout


def link_session(checkout: Checkout, session: Session) -> None:
    """Store the session of a checkout. A session id and a state that are already stored stay."""
    Checkout.objects.filter(pk=checkout.pk, session_id="").update(
        session_id=session.id, url=session.url, polled_at=Now()
    )
    Checkout.objects.filter(pk=checkout.pk, state=CheckoutState.INTENDED).update(
        state=CheckoutState.OPEN
    )
    checkout.refresh_from_db()


def _build_session_request(checkout: Checkout) -> SessionRequest:
    """Build the request from frozen values only: the same key must always send the same content."""
    order = checkout.order
    success_path = reverse("timeline:claim-done", args=[order.moment_id])
    cancel_path = reverse("timeline:claim-review", args=[order.moment_id])
    return SessionRequest(
        key=checkout.key,
        reference=order.public_id,
        description=f"MomentVerse, order {order.public_id}",
        lines=tuple((line["name"], line["amount"]) for line in order.lines),
        amount=checkout.amount,
        currency=checkout.currency,
        email=order.user.email,
        expires_at=checkout.expires_at,
        success_url=settings.SITE_URL + success_path,
        cancel_url=settings.SITE_URL + cancel_path,
    )


def abandon(checkout: Checkout) -> None:
    """Abandon a checkout without a known session. If one exists, ``reconcile`` expires it."""
    Checkout.objects.filter(pk=checkout.pk, state=CheckoutState.INTENDED).update(
        state=CheckoutState.ABANDONED
    )


def get_unsettled_checkout(moment: Moment) -> Checkout | None:
    """Return the checkout of a claim that is not over yet, if there is one."""
    return Checkout.objects.filter(order__moment=moment, state__in=UNSETTLED).first()


def cancel_payment(moment: Moment) -> None:
    """Expire the session of a claim and release its span. If it was paid meanwhile, it stays paid.

    Raises PaymentUnavailable if the provider does not answer, and ClaimRefused
    if the buyer has paid and the money is on its way.
    """
    checkout = get_unsettled_checkout(moment)
    try:
        if checkout is None:
            settlement.release_unpaid(moment)
            return
        _refuse_pending(checkout)
        if not checkout.session_id:
            # The provider may have a session that we do not know of. The same key returns it.
            open_session(checkout)
        _expire_session(checkout)
    except ProviderError as error:
        raise PaymentUnavailable from error


def expire_payment(moment: Moment) -> None:
    """Expire the payment of a moment, so that others may have its span.

    If the provider does not answer, nothing changes.
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


def _expire_session(checkout: Checkout) -> None:
    session = get_provider(checkout.provider).expire_session(checkout.session_id)
    settlement.settle(checkout, session)
