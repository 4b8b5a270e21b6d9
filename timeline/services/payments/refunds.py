"""Paying back: stored first, then asked for again and again until the provider confirms."""

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
def refund_order(order: Order, actor: User, reason: str) -> None:
    """Take a paid moment off the timeline and pay for it back; staff's decision, with their reason.

    Raises RefundRefused when there is nothing to pay back, or it is disputed.
    """
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        if locked.status != OrderStatus.PAID:
            raise RefundRefused(f"This order is “{locked.get_status_display()}”.")
        orders.log_event(locked, f"refund: {reason}", actor)
        _revoke(locked, f"refunded: {reason}")
        paid = Checkout.objects.filter(order=locked, state=CheckoutState.PAID, captured__gt=0)
        owed = [checkout for checkout in paid if not hasattr(checkout, "refund")]
        if owed:
            mark_refunding(locked)
        else:  # it was free of charge
            _set_status(locked, OrderStatus.REFUNDED)
        for checkout in owed:
            create_refund(locked, checkout, reason, actor)
    order.refresh_from_db()


def revoke_and_refund(moment: Moment, reason: str, *, actor: User) -> None:
    """Take an active moment off the timeline; if it was paid for, that is paid back. Staff's decision.

    Raises TransitionRefused when it is not active, RefundRefused while it is disputed.
    """
    order = Order.objects.filter(moment=moment).first()
    if order is None or order.status not in (OrderStatus.PAID, OrderStatus.DISPUTED):
        transitions.revoke(moment, reason)
        return
    refund_order(order, actor, reason)


def mark_refunding(order: Order) -> None:
    """Note that an order's money goes back; part of the caller's transaction."""
    _set_status(order, OrderStatus.REFUNDING)
    emails.queue_email(order, OrderEmail.Kind.REFUND)


def create_refund(order: Order, checkout: Checkout, reason: str, actor: User | None = None) -> None:
    """Store that a captured payment goes back, once; part of the caller's transaction."""
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
        if order.status == OrderStatus.REFUNDED:  # and then somebody has paid once more
            _set_status(order, OrderStatus.REFUNDING)
        orders.log_event(order, f"to be paid back: {reason}", actor)
        transaction.on_commit(lambda: submit_refund_task.enqueue(refund.pk), robust=True)


@task()
def submit_refund_task(pk: int) -> None:
    """Background task: try a stored refund at once. What fails is tried again by ``reconcile``."""
    submit_refund(pk)


def submit_refund(pk: int) -> bool:
    """Ask the provider for a stored refund; return whether it is confirmed now.

    Any number of calls, also at once, pay back once: the key is the same.
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
    """Return the id of the provider's refund; nothing where the money went back in another way.

    Raises ProviderError.
    """
    payment_id = refund.checkout.payment_id
    provider = get_provider(refund.checkout.provider)
    # After one that the bank has sent back, its id makes another key.
    key = "-".join(filter(None, ["refund", refund.checkout.key, refund.refund_id]))
    try:
        return provider.refund(payment_id, refund.amount, key)
    except ProviderRefused:
        # Perhaps it was paid back by hand, in the provider's own pages, or the bank has taken it.
        payment = provider.get_payment(payment_id)
        left = refund.amount - payment.refunded
        if left <= 0 or payment.dispute is Dispute.LOST:
            return ""
        if left == refund.amount:
            raise
        return provider.refund(payment_id, left, f"{key}-{left}")


def confirm_refund(checkout: Checkout, refund_id: str) -> None:
    """Note that the provider has paid a stored refund back; again, it changes nothing."""
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
    """Apply a full refund that somebody made in the provider's own pages; the order is locked."""
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
    """Owe a refund again that the buyer's bank has sent back to us; the order is locked.

    Returns whether there was one. Told of one that is done by what the provider
    said a moment before, it asks once more, is refused, and finds it done.
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
    """Freeze a paid order whose payment is disputed; release its moment when that is lost.

    Won, all is as it was. Part of the caller's transaction, the order is locked.
    Returns what was found.
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
