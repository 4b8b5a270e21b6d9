"""What a person pays for a moment: the order, its log, and the mails that it owes them."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from timeline.core.public_ids import encode_id, random_id


class OrderStatus(models.TextChoices):
    """Where the money for one moment stands."""

    OPEN = "open", "Not paid yet"
    PAID = "paid", "Paid"
    CLOSED = "closed", "Not paid, over"
    REFUNDING = "refunding", "Refund on its way"
    REFUNDED = "refunded", "Refunded"
    DISPUTED = "disputed", "Disputed"
    CHARGED_BACK = "lost", "Charged back"


class Order(models.Model):
    """The price of one moment, frozen when its span was held, and what became of it.

    ``tariff`` is the price list as it was at the hold, ``lines`` what it comes
    to: ``[{"name": …, "amount": …}]``. All amounts are in minor units of
    ``currency`` (cents), ``amount`` is the sum of the lines.
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
        """The id as it stands in addresses and on receipts."""
        return encode_id(self.pk)


class OrderEntry(models.Model):
    """One line of an order's log: what happened, when, and who did it; nobody, when the site did."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="entries")
    at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    what = models.CharField(max_length=200)

    class Meta:
        db_table = "order_entries"
        ordering: ClassVar[list[str]] = ["at", "pk"]
        verbose_name_plural = "order entries"

    def __str__(self) -> str:
        return self.what


class Notice(models.Model):
    """One mail about an order: stored with what it tells, sent afterwards, at most once."""

    class Kind(models.TextChoices):
        """What the mail tells."""

        RECEIPT = "receipt", "Receipt"
        EXPIRED = "expired", "The hold ended while paying"
        REFUND = "refund", "Refund on its way"
        REFUNDED = "refunded", "Refunded"

    class State(models.TextChoices):
        """How far the mail is. One found ``SENDING`` by a later run may have gone out: it stays."""

        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Handed to the mail server"
        SENT = "sent", "Sent"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="notices")
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
