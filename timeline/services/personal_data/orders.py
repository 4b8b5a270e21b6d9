"""Export and erasure of a person's orders and payments.

The law requires amounts and dates to be kept. Texts by staff about the person
are erased, and the user's row that orders refer to no longer names anybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from accounts.models import User
from accounts.privacy.registry import PersonalFile, Source, anonymise_admin_log
from timeline.models import Checkout, Order, OrderEmail, OrderLogEntry, Refund

EXPORT_BATCH = 500
CONSEQUENCES = (
    "Orders stay, with amount and date, because the law asks for that; they hold no personal data then.",
    "Moments that you paid for are not paid back.",
    "What you have not finished paying is called off, or paid back if the money arrives all the same.",
)
ERASED_REASON = "by staff"


def export(user: User) -> Iterator[PersonalFile]:
    """Yield all orders of a person with their payments, refunds and log, oldest first."""
    orders = (
        Order.objects.filter(user=user)
        .order_by("created_at", "pk")
        .select_related("moment")
        .prefetch_related("log_entries", "checkouts__refund")
    )
    data = [_serialize_order(order) for order in orders.iterator(chunk_size=EXPORT_BATCH)]
    if data:
        yield PersonalFile("orders.json", "What you ordered, paid and got back.", data)


def _serialize_order(order: Order) -> dict[str, object]:
    return {
        "number": order.public_id,
        "moment": order.moment.public_id,
        "status": order.status,
        "currency": order.currency,
        "amount_in_minor_units": order.amount,
        "lines": order.lines,
        "created_at": order.created_at,
        "paid_at": order.paid_at,
        "payments": [_serialize_payment(checkout) for checkout in order.checkouts.all()],
        "log": [
            {"at": entry.created_at, "what": entry.message} for entry in order.log_entries.all()
        ],
    }


def _serialize_payment(checkout: Checkout) -> dict[str, object]:
    refund = getattr(checkout, "refund", None)
    return {
        "provider": checkout.provider,
        "state": checkout.state,
        "begun_at": checkout.created_at,
        "paid_in_minor_units": checkout.captured,
        "refund": refund
        and {"state": refund.state, "asked_at": refund.created_at, "reason": refund.reason},
    }


def erase(user: User) -> bool:
    """Erase what staff wrote about a person's orders. One call erases everything."""
    orders = Order.objects.filter(user=user)
    OrderLogEntry.objects.filter(order__in=orders, actor__isnull=False).update(
        message=ERASED_REASON
    )
    Refund.objects.filter(checkout__order__in=orders, requested_by__isnull=False).update(
        reason=ERASED_REASON
    )
    # The address of the provider's page and a mail server's error message may name the buyer.
    Checkout.objects.filter(~Q(url=""), order__in=orders).update(url="")
    OrderEmail.objects.filter(~Q(error=""), order__in=orders).update(error="")
    anonymise_admin_log(Order, orders.values_list("pk", flat=True))
    return False


SOURCE = Source("orders", CONSEQUENCES, export, erase)
