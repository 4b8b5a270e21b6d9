"""The order of a claim: its price, its lines and its log."""

from __future__ import annotations

from django.db.models.functions import Now

from accounts.models import User
from timeline.models import Moment, Order, OrderLogEntry, OrderStatus
from timeline.services.claims.pricing import Tariff, calculate_price


def build_order(moment: Moment) -> Order:
    """Return an order for a new moment, not stored yet. It freezes the current price list."""
    tariff = Tariff.current()
    order = Order(
        user=moment.user, moment=moment, currency=tariff.currency, tariff=tariff.as_data()
    )
    update_price(order, moment)
    return order


def update_price(order: Order, moment: Moment) -> None:
    """Set the order's amount and lines by the price list frozen in it. The caller saves the order."""
    price = calculate_price(moment.span, moment.visibility, Tariff.from_data(order.tariff))
    order.amount = price.amount
    order.lines = [{"name": line.name, "amount": line.amount} for line in price.lines]


def close_order(order: Order, reason: str) -> None:
    """Close an open order that nobody has paid. Part of the caller's transaction."""
    closed = Order.objects.filter(pk=order.pk, status=OrderStatus.OPEN).update(
        status=OrderStatus.CLOSED, status_changed_at=Now()
    )
    if closed:
        log_event(order, f"closed: {reason}")


def log_event(order: Order, message: str, actor: User | None = None) -> None:
    """Write a line into an order's log. Part of the caller's transaction."""
    OrderLogEntry.objects.create(order=order, message=message[:200], actor=actor)
