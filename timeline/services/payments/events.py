"""Webhook events from providers: stored before the webhook responds, applied afterwards.

An event only says which object changed. We then fetch the state of that object
from the provider. So the order and the age of events do not matter, and neither
does receiving an event twice.
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
from timeline.services.placement import retry_on_conflict

logger = logging.getLogger("timeline.payments")


def receive_event(provider: Provider, event: Event) -> None:
    """Store a verified event and queue a task that applies it, unless it was applied before.

    Events of a kind that we do not use are only logged. So are test events sent
    to a live site, and live events sent to a test site.
    """
    if not event.is_relevant or event.is_live != provider.is_live:
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
    """Background task: apply a stored event. If it fails, ``reconcile`` tries again."""
    apply_event(pk)


def apply_pending_events(providers: Iterable[str], limit: int = 500) -> int:
    """Apply the stored events of these providers that are not applied yet. Return how many were.

    Takes at most ``limit`` events, those with the fewest failures first. None is
    ever given up: a provider may be down for days, and one bad event must not
    block the others.
    """
    pending = PaymentEvent.objects.filter(applied_at=None, provider__in=providers)
    pks = pending.order_by("attempts", "received_at").values_list("pk", flat=True)
    return sum(apply_event(pk) for pk in list(pks[:limit]))


def apply_event(pk: int) -> bool:
    """Apply a stored event. Return whether it is applied now. Applying it twice changes nothing."""
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
    """Fetch the object that the event is about, and apply its state. Return the outcome to record."""
    provider = get_provider(event.provider)
    try:
        if event.session_id:
            return _apply_session_event(provider, event.session_id)
        return _apply_payment_event(provider, event.payment_id)
    except ProviderNotFound:
        return "the provider knows no such object"


def _apply_session_event(provider: Provider, session_id: str) -> str:
    session = provider.get_session(session_id)
    checkout = Checkout.objects.filter(provider=provider.name, key=session.key).first()
    if checkout is None or (checkout.session_id and checkout.session_id != session_id):
        return "not ours"
    settlement.settle(checkout, session)
    return session.state.value


def _apply_payment_event(provider: Provider, payment_id: str) -> str:
    payment = provider.get_payment(payment_id)
    checkout = (
        Checkout.objects.filter(provider=provider.name, payment_id=payment_id).first()
        or Checkout.objects.filter(provider=provider.name, key=payment.key).first()
    )
    if checkout is None:
        return "not ours"
    if not checkout.payment_id:
        settlement.refresh(checkout)  # the payment's event arrived before the session's event
    return apply_payment(checkout, payment)


@retry_on_conflict
def apply_payment(checkout: Checkout, payment: Payment) -> str:
    """Apply the state of a captured payment: refunded or disputed. Return the outcome to record.

    Raises TimelineBusy if the days of the moment's span stay locked.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=checkout.order_id)
        checkout = Checkout.objects.get(pk=checkout.pk)
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
