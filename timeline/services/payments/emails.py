"""E-mails about orders: stored together with the event they report, sent afterwards, at most once.

If the mail server rejects a mail, we try again later. If the process died while it
was handing a mail to the server, the mail may have arrived, so it is not sent again:
two mails about one payment worry people more than none, and the order's page shows
the same information.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from accounts.mail import RetrySchedule, render_email
from timeline.core.span_display import SpanDisplay
from timeline.models import Order, OrderEmail, Refund
from timeline.services.claims import pricing

logger = logging.getLogger("timeline.payments")

# The waits count from when the mail was queued, so the last attempt is 65² minutes later: three days.
RETRIES = RetrySchedule(max_attempts=66)


def queue_email(order: Order, kind: OrderEmail.Kind) -> None:
    """Store a mail to be sent, once per order and kind. Part of the caller's transaction."""
    email, is_new = OrderEmail.objects.get_or_create(order=order, kind=kind)
    if is_new:
        transaction.on_commit(lambda: send_email_task.enqueue(email.pk), robust=True)


@task()
def send_email_task(pk: int) -> None:
    """Background task: send a stored mail. If it fails, ``send_due_emails`` tries again."""
    send_email(pk)


def send_due_emails(limit: int = 500) -> int:
    """Send at most ``limit`` waiting mails that are due. Return how many were sent."""
    waiting = OrderEmail.objects.filter(
        state=OrderEmail.State.WAITING, attempts__lt=RETRIES.max_attempts
    )
    now = timezone.now()
    due = [
        pk
        for pk, attempts, created_at in waiting.order_by("attempts", "created_at").values_list(
            "pk", "attempts", "created_at"
        )
        if created_at + RETRIES.get_delay(attempts) <= now
    ]
    return sum(send_email(pk) for pk in due[:limit])


def send_email(pk: int) -> bool:
    """Send one mail, unless another process has begun to. Return whether it was sent now."""
    claimed = OrderEmail.objects.filter(pk=pk, state=OrderEmail.State.WAITING).update(
        state=OrderEmail.State.SENDING, attempts=F("attempts") + 1
    )
    if not claimed:
        return False
    email = OrderEmail.objects.select_related("order__user", "order__moment").get(pk=pk)
    try:
        if email.order.user.is_active:  # an erased account has no address
            _build_email(email).send()
    except Exception as error:
        # Whatever the cause: the payment stands, and the mail is tried again.
        logger.exception("mail not sent: %s", email)
        OrderEmail.objects.filter(pk=pk).update(
            state=OrderEmail.State.WAITING, error=str(error)[:200]
        )
        return False
    OrderEmail.objects.filter(pk=pk).update(state=OrderEmail.State.SENT, sent_at=Now(), error="")
    return True


def _build_email(email: OrderEmail) -> EmailMultiAlternatives:
    order = email.order
    refund = Refund.objects.filter(checkout__order=order).order_by("pk").first()
    context = {
        "order": order,
        "moment": order.moment,
        "display": SpanDisplay.of_moment(order.moment),
        "number": order.public_id,
        "order_address": settings.SITE_URL + reverse("timeline:order", args=[order.pk]),
        "claim_address": settings.SITE_URL + reverse("timeline:claim", args=[order.moment_id]),
        "moment_address": settings.SITE_URL + order.moment.get_absolute_url(),
        "reason": refund.reason if refund else "",
        "refunded": pricing.format_money(refund.amount, refund.currency) if refund else "",
    }
    return render_email(f"timeline/mail/order_{email.kind}", context, order.user.email)
