"""Payments at a provider: checkouts, refunds, and the webhook events that providers send."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class CheckoutState(models.TextChoices):
    """The state of one attempt to pay, as last reported by the provider."""

    INTENDED = "intended", "About to be opened"
    OPEN = "open", "Open"
    PENDING = "pending", "Done by the buyer, the money is on its way"
    PAID = "paid", "Paid"
    EXPIRED = "expired", "Expired"
    FAILED = "failed", "The money did not come"
    ABANDONED = "abandoned", "Given up by us; must not stay open"


# An order has at most one checkout in these states, so nobody has to pay twice.
UNSETTLED = (CheckoutState.INTENDED, CheckoutState.OPEN, CheckoutState.PENDING)


class Checkout(models.Model):
    """One attempt to pay an order: a checkout session at a provider.

    The row is stored before we call the provider, with the idempotency ``key``
    of that call. If the call is interrupted, a retry with the same key finds the
    same session. ``captured`` is the amount that the provider collected, in minor
    units. Every captured cent belongs to an ACTIVE moment or to a refund.
    """

    order = models.ForeignKey("timeline.Order", on_delete=models.PROTECT, related_name="checkouts")
    provider = models.CharField(max_length=20)
    key = models.CharField(max_length=60, unique=True)
    session_id = models.CharField(max_length=200, blank=True)
    url = models.TextField(blank=True)
    state = models.CharField(
        max_length=9, choices=CheckoutState.choices, default=CheckoutState.INTENDED
    )
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    captured = models.PositiveBigIntegerField(null=True, blank=True)
    captured_currency = models.CharField(max_length=3, blank=True)
    payment_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    polled_at = models.DateTimeField("provider last polled", null=True, blank=True)

    class Meta:
        db_table = "checkouts"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=["intended", "open", "pending"]),
                name="checkout_one_open",
            ),
            models.UniqueConstraint(
                fields=["provider", "session_id"],
                condition=~Q(session_id=""),
                name="checkout_session_unique",
            ),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(captured__isnull=False),
                name="checkout_paid_is_captured",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["created_at"],
                name="idx_checkouts_unsettled",
                condition=Q(state__in=["intended", "open", "pending", "abandoned"]),
            ),
            models.Index(
                fields=["payment_id"], name="idx_checkouts_payment", condition=~Q(payment_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Refund(models.Model):
    """Money that must be paid back. Stored first, then requested until the provider confirms it."""

    class State(models.TextChoices):
        """Whether the provider has confirmed the refund."""

        PENDING = "pending", "Asked for"
        DONE = "done", "Confirmed by the provider"

    checkout = models.OneToOneField(Checkout, on_delete=models.PROTECT, related_name="refund")
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=200)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    refund_id = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    done_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "refunds"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["created_at"], name="idx_refunds_pending", condition=Q(state="pending")
            ),
        ]

    def __str__(self) -> str:
        return f"refund of {self.checkout_id}"


class PaymentEvent(models.Model):
    """A signed webhook event: stored before the webhook responds, applied at least once.

    Of the payload we keep only the ids of the objects it is about. Their state is
    fetched from the provider, so the order and the age of events do not matter.
    """

    provider = models.CharField(max_length=20)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=80)
    session_id = models.CharField(max_length=200, blank=True)
    payment_id = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    applied_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "payment_events"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="payment_event_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["received_at"],
                name="idx_payment_events_todo",
                condition=Q(applied_at__isnull=True),
            ),
            models.Index(fields=["provider", "received_at"], name="idx_payment_events_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class SandboxSession(models.Model):
    """A checkout session of the sandbox provider. This table stands for the provider's own database."""

    session_id = models.CharField(max_length=60, primary_key=True)
    key = models.CharField(max_length=60, unique=True)
    reference = models.CharField(max_length=60)
    description = models.CharField(max_length=200)
    amount = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    state = models.CharField(
        max_length=9, choices=CheckoutState.choices, default=CheckoutState.OPEN
    )
    payment_id = models.CharField(max_length=60, blank=True)
    refunded = models.PositiveBigIntegerField(default=0)
    success_url = models.TextField()
    cancel_url = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "sandbox_sessions"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["created_at"], name="idx_sandbox_sessions_time"),
        ]

    def __str__(self) -> str:
        return self.session_id
