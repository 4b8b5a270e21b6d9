"""Refunds and disputes. A refund is stored first, then requested until the provider confirms it."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django_tasks import task

from accounts.models import User
from timeline.models import (
    Checkout,
    CheckoutState,
    Moment,
    Order,
    OrderEmail,
    OrderStatus,
    Refund,
    Status,
)
from timeline.services import transitions
from timeline.services.claims import orders
from timeline.services.payments import emails
from timeline.services.payments.exceptions import RefundRefused
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers.base import (
    Dispute,
    Payment,
    ProviderError,
    ProviderRefused,
)
from timeline.services.placement import retry_on_conflict

logger = logging.getLogger("timeline.payments")


@retry_on_conflict
def refund_order(order: Order, reason: str, *, actor: User) -> None:
    """Revoke a paid moment and refund its order. ``reason`` is given by ``actor``, a member of staff.

    Raises RefundRefused if the order is not paid, or is disputed.
    """
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        if locked.status != OrderStatus.PAID:
            raise RefundRefused(f"This order is “{locked.get_status_display()}”.")
        orders.log_event(locked, f"refund: {reason}", actor)
        _revoke(locked, f"refunded: {reason}")
        paid = Checkout.objects.filter(order=locked, state=CheckoutState.PAID, captured__gt=0)
        not_refunded = [checkout for checkout in paid if not hasattr(checkout, "refund")]
        if not_refunded:
            mark_refunding(locked)
        else:  # it was free of charge
            _set_status(locked, OrderStatus.REFUNDED)
        for checkout in not_refunded:
            create_refund(locked, checkout, reason, actor)
    order.refresh_from_db()


def revoke_and_refund(moment: Moment, reason: str, *, actor: User) -> None:
    """Revoke an active moment, and refund its order if it was paid. ``actor`` is a member of staff.

    Raises TransitionRefused if it is not active, and RefundRefused while it is disputed.
    """
    order = Order.objects.filter(moment=moment).first()
    if order is None or order.status not in (OrderStatus.PAID, OrderStatus.DISPUTED):
        transitions.revoke(moment, reason)
        return
    refund_order(order, reason, actor=actor)


def mark_refunding(order: Order) -> None:
    """Mark an order as being refunded and queue the e-mail about it. Part of the caller's transaction."""
    _set_status(order, OrderStatus.REFUNDING)
    emails.queue_email(order, OrderEmail.Kind.REFUND)


def create_refund(order: Order, checkout: Checkout, reason: str, actor: User | None = None) -> None:
    """Store a refund of a captured payment, once, to be submitted. Part of the caller's transaction."""
    refund, is_new = Refund.objects.get_or_create(
        checkout=checkout,
        defaults={
            "amount": checkout.captured or 0,
            "currency": checkout.captured_currency,
            "reason": reason[:200],
            "requested_by": actor,
        },
    )
    if is_new:
        if order.status == OrderStatus.REFUNDED:  # an older session was paid after the refund
            _set_status(order, OrderStatus.REFUNDING)
        orders.log_event(order, f"to be paid back: {reason}", actor)
        transaction.on_commit(lambda: submit_refund_task.enqueue(refund.pk), robust=True)


@task()
def submit_refund_task(pk: int) -> None:
    """Background task: submit a stored refund. If it fails, ``reconcile`` tries again."""
    submit_refund(pk)


def submit_refund(pk: int) -> bool:
    """Submit a stored refund to its provider. Return whether the provider has confirmed it.

    Any number of calls, also at the same time, refund once: they all use the same key.
    """
    refund = Refund.objects.select_related("checkout__order").get(pk=pk)
    if refund.state == Refund.State.DONE:
        return True
    try:
        refund_id = _request_refund(refund)
    except ProviderError as error:
        logger.exception("refund of %s is not done yet", refund.checkout.key)
        Refund.objects.filter(pk=pk).update(attempts=F("attempts") + 1, error=str(error)[:200])
        return False
    confirm_refund(refund.checkout, refund_id)
    return True


def _request_refund(refund: Refund) -> str:
    """Request a refund. Return the provider's id of it, or "" if the money went back in another way.

    Raises ProviderError.
    """
    payment_id = refund.checkout.payment_id
    provider = get_provider(refund.checkout.provider)
    # If the bank has returned an earlier refund, its id makes a new key.
    key = "-".join(filter(None, ["refund", refund.checkout.key, refund.refund_id]))
    try:
        return provider.refund(payment_id, refund.amount, key)
    except ProviderRefused:
        # Perhaps staff refunded it in the provider's dashboard, or the bank charged it back.
        payment = provider.get_payment(payment_id)
        left = refund.amount - payment.refunded
        if left <= 0 or payment.dispute is Dispute.LOST:
            return ""
        if left == refund.amount:
            raise
        return provider.refund(payment_id, left, f"{key}-{left}")


def confirm_refund(checkout: Checkout, refund_id: str) -> None:
    """Record that the provider has made a stored refund. Recording it again changes nothing."""
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=checkout.order_id)
        done = Refund.objects.filter(checkout=checkout, state=Refund.State.PENDING).update(
            state=Refund.State.DONE, refund_id=refund_id, done_at=Now(), error=""
        )
        if not done:
            return
        orders.log_event(order, "paid back")
        pending = Refund.objects.filter(checkout__order=order, state=Refund.State.PENDING)
        if order.status == OrderStatus.REFUNDING and not pending.exists():
            _set_status(order, OrderStatus.REFUNDED)
            emails.queue_email(order, OrderEmail.Kind.REFUNDED)


def record_external_refund(order: Order, checkout: Checkout, payment: Payment) -> None:
    """Record a full refund made in the provider's dashboard. The caller has locked the order."""
    _, is_new = Refund.objects.get_or_create(
        checkout=checkout,
        defaults={
            "amount": payment.refunded,
            "currency": payment.currency,
            "reason": "refunded at the provider",
            "state": Refund.State.DONE,
            "done_at": Now(),
        },
    )
    if is_new:
        orders.log_event(order, "refunded at the provider")
        _revoke(order, "refunded")
        _set_status(order, OrderStatus.REFUNDED)
        emails.queue_email(order, OrderEmail.Kind.REFUNDED)


def reopen_refund(order: Order, checkout: Checkout) -> bool:
    """Reopen a confirmed refund that the buyer's bank has returned to us. Return whether there was one.

    The caller has locked the order. If the provider's answer was stale, the retry is
    rejected and the refund is found to be complete.
    """
    refund = Refund.objects.filter(checkout=checkout, state=Refund.State.DONE).first()
    if refund is None:
        return False
    logger.error("refund of %s came back from the buyer's bank", checkout.key)
    Refund.objects.filter(pk=refund.pk).update(
        state=Refund.State.PENDING, done_at=None, error="sent back by the buyer's bank"
    )
    orders.log_event(order, "the refund came back from the bank; it is made again")
    if order.status == OrderStatus.REFUNDED:
        _set_status(order, OrderStatus.REFUNDING)
    transaction.on_commit(lambda: submit_refund_task.enqueue(refund.pk), robust=True)
    return True


def apply_dispute(order: Order, dispute: Dispute) -> str:
    """Freeze the order while its payment is disputed. Return the outcome to record with the event.

    If the dispute is won, the order is paid again. If it is lost, the moment is
    revoked. Part of the caller's transaction, which has locked the order.
    """
    if dispute is Dispute.OPEN and order.status == OrderStatus.PAID:
        orders.log_event(order, "disputed: frozen until the bank has decided")
        _set_status(order, OrderStatus.DISPUTED)
    elif dispute is Dispute.WON and order.status == OrderStatus.DISPUTED:
        orders.log_event(order, "dispute won")
        _set_status(order, OrderStatus.PAID)
    elif dispute is Dispute.LOST and order.status in (OrderStatus.PAID, OrderStatus.DISPUTED):
        orders.log_event(order, "dispute lost")
        _revoke(order, "payment charged back")
        _set_status(order, OrderStatus.CHARGED_BACK)
    return "captured" if dispute is Dispute.NONE else f"dispute {dispute.value}"


def _revoke(order: Order, reason: str) -> None:
    if order.moment.status == Status.ACTIVE:
        transitions.revoke(order.moment, reason[:200])


def _set_status(order: Order, status: OrderStatus) -> None:
    order.status = status
    Order.objects.filter(pk=order.pk).update(status=status, status_changed_at=Now())
