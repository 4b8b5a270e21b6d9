"""Mails about orders: owed with the fact that they tell, sent afterwards, each at most once.

A mail that the server refuses is tried again. One that was being handed over
when the process died may have arrived: it is left, for two mails about one
payment worry people more than none, and the order's page tells the same.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from accounts.mail import build_html_email
from timeline.core.span_display import SpanDisplay
from timeline.models import Order, OrderEmail, Refund
from timeline.services.claims import pricing

logger = logging.getLogger("timeline.payments")

# The n-th attempt comes n² minutes after the mail was owed at the earliest: the last after three days.
MAX_ATTEMPTS = 66
MINUTE = dt.timedelta(minutes=1)


def queue_email(order: Order, kind: OrderEmail.Kind) -> None:
    """Store that a mail of this kind is to be sent, once an order; part of the caller's transaction."""
    notice, is_new = OrderEmail.objects.get_or_create(order=order, kind=kind)
    if is_new:
        transaction.on_commit(lambda: send_email_task.enqueue(notice.pk), robust=True)


@task()
def send_email_task(pk: int) -> None:
    """Background task: send a stored mail. What fails is tried again by ``send_waiting``."""
    send_email(pk)


def send_due_emails(limit: int = 500) -> int:
    """Send what waits; return how many mails went out."""
    waiting = OrderEmail.objects.filter(state=OrderEmail.State.WAITING, attempts__lt=MAX_ATTEMPTS)
    now = timezone.now()
    due = [
        pk
        for pk, attempts, owed in waiting.order_by("attempts", "created_at").values_list(
            "pk", "attempts", "created_at"
        )
        if owed + attempts**2 * MINUTE <= now
    ]
    return sum(send_email(pk) for pk in due[:limit])


def send_email(pk: int) -> bool:
    """Send one mail if nobody else has begun to; return whether it went out now."""
    taken = OrderEmail.objects.filter(pk=pk, state=OrderEmail.State.WAITING).update(
        state=OrderEmail.State.SENDING, attempts=F("attempts") + 1
    )
    if not taken:
        return False
    notice = OrderEmail.objects.select_related("order__user", "order__moment").get(pk=pk)
    try:
        if notice.order.user.is_active:  # who has been erased has no address
            _build_email(notice).send()
    except Exception as error:
        # Whatever kept it from going out: the fact stands, and the mail is tried again.
        logger.exception("mail not sent: %s", notice)
        OrderEmail.objects.filter(pk=pk).update(
            state=OrderEmail.State.WAITING, error=str(error)[:200]
        )
        return False
    OrderEmail.objects.filter(pk=pk).update(state=OrderEmail.State.SENT, sent_at=Now(), error="")
    return True


def _build_email(notice: OrderEmail) -> EmailMultiAlternatives:
    order = notice.order
    refund = Refund.objects.filter(checkout__order=order).order_by("pk").first()
    context = {
        "order": order,
        "moment": order.moment,
        "told": SpanDisplay.of_moment(order.moment),
        "number": order.public_id,
        "order_address": settings.SITE_URL + reverse("timeline:order", args=[order.pk]),
        "claim_address": settings.SITE_URL + reverse("timeline:claim", args=[order.moment_id]),
        "moment_address": settings.SITE_URL + order.moment.get_absolute_url(),
        "reason": refund.reason if refund else "",
        "refunded": pricing.format_money(refund.amount, refund.currency) if refund else "",
    }
    template = f"mail/order_{notice.kind}"
    subject = " ".join(render_to_string(f"{template}_subject.txt", context).split())
    body = render_to_string(f"{template}_message.txt", context).strip()
    return build_html_email(subject, body, order.user.email)
