"""Orders: what a person pays for a moment, the log of an order, and the mails about it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from timeline.core.public_ids import encode_id, random_id


class OrderStatus(models.TextChoices):
    """The state of the payment for one moment."""

    OPEN = "open", "Not paid yet"
    PAID = "paid", "Paid"
    CLOSED = "closed", "Not paid, over"
    REFUNDING = "refunding", "Refund on its way"
    REFUNDED = "refunded", "Refunded"
    DISPUTED = "disputed", "Disputed"
    CHARGED_BACK = "lost", "Charged back"


class Order(models.Model):
    """The price of one moment, frozen when its span was held, and the state of its payment.

    ``tariff`` is the price list at the time of the hold. ``lines`` is the price
    computed from it, item by item: ``[{"name": …, "amount": …}]``. All amounts
    are in minor units of ``currency`` (cents); ``amount`` is the sum of the lines.
    """

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    moment = models.OneToOneField("timeline.Moment", on_delete=models.PROTECT, related_name="order")
    status = models.CharField(max_length=9, choices=OrderStatus.choices, default=OrderStatus.OPEN)
    currency = models.CharField(max_length=3)
    amount = models.PositiveBigIntegerField(help_text="In minor units of the currency.")
    tariff = models.JSONField(default=dict)
    lines = models.JSONField(default=list)
    extensions = models.PositiveSmallIntegerField("times that the hold was extended", default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    status_changed_at = models.DateTimeField(default=timezone.now, editable=False)
    paid_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "orders"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "created_at"], name="idx_orders_user_time"),
            models.Index(
                fields=["created_at"],
                name="idx_orders_unsettled",
                condition=Q(status__in=["open", "refunding", "disputed"]),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(status__in=OrderStatus.values), name="order_status_known"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="order_amount_not_negative"),
        ]

    def __str__(self) -> str:
        return f"order {self.public_id}"

    @property
    def public_id(self) -> str:
        """The id as it appears in URLs and on receipts."""
        return encode_id(self.pk)


class OrderLogEntry(models.Model):
    """One line in the log of an order. ``actor`` is None if the site itself did it."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="log_entries")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    message = models.CharField(max_length=200)

    class Meta:
        db_table = "order_entries"
        ordering: ClassVar[list[str]] = ["created_at", "pk"]
        verbose_name_plural = "order log entries"

    def __str__(self) -> str:
        return self.message


class OrderEmail(models.Model):
    """One mail about an order: stored together with the event it reports, sent at most once."""

    class Kind(models.TextChoices):
        """The event that the mail reports."""

        RECEIPT = "receipt", "Receipt"
        EXPIRED = "expired", "The hold ended while paying"
        REFUND = "refund", "Refund on its way"
        REFUNDED = "refunded", "Refunded"

    class State(models.TextChoices):
        """The delivery state.

        A mail that a later run finds in ``SENDING`` may already have been delivered, so it is
        never sent again.
        """

        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Handed to the mail server"
        SENT = "sent", "Sent"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="emails")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "notices"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["order", "kind"], name="notice_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["created_at"], name="idx_notices_waiting", condition=Q(state="waiting")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.order_id}"
