"""What providers send: stored before it is answered, then applied from the state that is fetched.

An event says only what to look at. So its order, its age and how often it
comes change nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django_tasks import task

from timeline.core.exceptions import TimelineError
from timeline.models import Checkout, Order, OrderStatus, PaymentEvent
from timeline.services import placement
from timeline.services.payments import refunds, settlement
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers.base import (
    Dispute,
    Event,
    Payment,
    Provider,
    ProviderError,
    ProviderNotFound,
)

logger = logging.getLogger("timeline.payments")


def receive_event(provider: Provider, event: Event) -> None:
    """Store a verified event and apply it soon; one that is known already is left.

    One of another mode (a test's among real money, or the other way round), or
    of a kind that says nothing to us, is only logged.
    """
    if not event.known or event.live != provider.live:
        logger.info("event %s (%s) is ignored", event.id, event.kind)
        return
    with transaction.atomic():
        stored, is_new = PaymentEvent.objects.get_or_create(
            provider=provider.name,
            event_id=event.id,
            defaults={
                "kind": event.kind[:80],
                "session_id": event.session_id,
                "payment_id": event.payment_id,
            },
        )
        if is_new or stored.applied_at is None:
            transaction.on_commit(lambda: apply_event_task.enqueue(stored.pk), robust=True)


@task()
def apply_event_task(pk: int) -> None:
    """Background task: apply a stored event. What fails is tried again by ``reconcile``."""
    apply_event(pk)


def apply_pending_events(providers: Iterable[str], limit: int = 500) -> int:
    """Apply what these providers sent and what is not applied yet; return how many events were.

    Those that have failed least often come first, and none is given up: a
    provider may be away for days, and one bad event must not stop the others.
    """
    waiting = PaymentEvent.objects.filter(applied_at=None, provider__in=providers)
    due = waiting.order_by("attempts", "received_at").values_list("pk", flat=True)
    return sum(apply_event(pk) for pk in list(due[:limit]))


def apply_event(pk: int) -> bool:
    """Apply a stored event; return whether it is applied. Applied twice, it changes nothing."""
    event = PaymentEvent.objects.get(pk=pk)
    if event.applied_at:
        return True
    try:
        outcome = _fetch_and_apply(event)
    except (ProviderError, TimelineError) as error:
        logger.warning("event %s is not applied yet: %s", event.event_id, error)
        _record_failure(pk, error)
        return False
    except Exception as error:
        logger.exception("event %s cannot be applied", event.event_id)
        _record_failure(pk, error)
        return False
    PaymentEvent.objects.filter(pk=pk, applied_at=None).update(applied_at=Now(), outcome=outcome)
    return True


def _record_failure(pk: int, error: Exception) -> None:
    PaymentEvent.objects.filter(pk=pk).update(
        attempts=F("attempts") + 1, outcome=f"not yet: {error}"[:200]
    )


def _fetch_and_apply(event: PaymentEvent) -> str:
    """Fetch what the event is about, and apply it; return what was found, for the record."""
    provider = get_provider(event.provider)
    try:
        if event.session_id:
            return _apply_session_event(provider, event.session_id)
        return _apply_payment_event(provider, event.payment_id)
    except ProviderNotFound:
        return "the provider knows no such object"


def _apply_session_event(provider: Provider, session_id: str) -> str:
    session = provider.session(session_id)
    checkout = Checkout.objects.filter(provider=provider.name, key=session.key).first()
    if checkout is None or (checkout.session_id and checkout.session_id != session_id):
        return "not ours"
    settlement.settle(checkout, session)
    return session.state.value


def _apply_payment_event(provider: Provider, payment_id: str) -> str:
    payment = provider.payment(payment_id)
    checkout = (
        Checkout.objects.filter(provider=provider.name, payment_id=payment_id).first()
        or Checkout.objects.filter(provider=provider.name, key=payment.key).first()
    )
    if checkout is None:
        return "not ours"
    if not checkout.payment_id:
        settlement.refresh(checkout)  # the payment's event came before the session's
    return apply_payment(checkout, payment)


def apply_payment(checkout: Checkout, payment: Payment) -> str:
    """Apply what a provider says of captured money: paid back, disputed; return which.

    Raises TimelineBusy when the span's days stay locked.
    """

    def run() -> str:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(pk=checkout.order_id)
            return _apply_payment(order, Checkout.objects.get(pk=checkout.pk), payment)

    return placement.retrying(run)


def _apply_payment(order: Order, checkout: Checkout, payment: Payment) -> str:
    if payment.dispute in (Dispute.OPEN, Dispute.LOST):
        return refunds.apply_dispute(order, payment.dispute)
    if not checkout.captured or payment.refunded < checkout.captured:
        if refunds.reopen_refund(order, checkout):
            return "the refund came back"
        return refunds.apply_dispute(order, payment.dispute)
    if order.status in (OrderStatus.PAID, OrderStatus.DISPUTED):
        refunds.record_external_refund(order, checkout, payment)
    else:
        transaction.on_commit(lambda: refunds.confirm_refund(checkout, ""))
    return "paid back"
