"""What the timeline holds on a person's money: their orders, for export and for erasure.

Amounts and dates stay, because the law asks for that; what staff has written
about them goes, and the person's row that they point to says nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from accounts.models import User
from accounts.privacy.registry import PersonalFile, Source, blank_admin_log
from timeline.models import Checkout, Notice, Order, OrderEntry, Refund

EXPORTED_AT_ONCE = 500
FATE = (
    "Orders stay, with amount and date, because the law asks for that; they hold no personal data then.",
    "Moments that you paid for are not paid back.",
    "What you have not finished paying is called off, or paid back if the money arrives all the same.",
)
BLANKED = "by staff"


def collect(user: User) -> Iterator[PersonalFile]:
    """Yield all orders of a person with their payments, refunds and log, oldest first."""
    orders = (
        Order.objects.filter(user=user)
        .order_by("created_at", "pk")
        .select_related("moment")
        .prefetch_related("entries", "checkouts__refund")
    )
    data = [_as_data(order) for order in orders.iterator(chunk_size=EXPORTED_AT_ONCE)]
    if data:
        yield PersonalFile("orders.json", "What you ordered, paid and got back.", data)


def _as_data(order: Order) -> dict[str, Any]:
    return {
        "number": order.public_id,
        "moment": order.moment.public_id,
        "status": order.status,
        "currency": order.currency,
        "amount_in_minor_units": order.amount,
        "lines": order.lines,
        "created_at": order.created_at,
        "paid_at": order.paid_at,
        "payments": [_payment(checkout) for checkout in order.checkouts.all()],
        "log": [{"at": entry.at, "what": entry.what} for entry in order.entries.all()],
    }


def _payment(checkout: Checkout) -> dict[str, Any]:
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
    """Take out what staff wrote about a person's orders; nothing is left for another call."""
    orders = Order.objects.filter(user=user)
    OrderEntry.objects.filter(order__in=orders, actor__isnull=False).update(what=BLANKED)
    Refund.objects.filter(checkout__order__in=orders, asked_by__isnull=False).update(reason=BLANKED)
    # The provider's page, and what a mail server said, may name its buyer.
    Checkout.objects.filter(~Q(url=""), order__in=orders).update(url="")
    Notice.objects.filter(~Q(error=""), order__in=orders).update(error="")
    blank_admin_log(Order, orders.values_list("pk", flat=True))
    return False


SOURCE = Source("orders", FATE, collect, erase)
