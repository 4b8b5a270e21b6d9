"""Amounts as people read them."""

from __future__ import annotations

from django import template

from timeline import pricing

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> str:
    """Return an amount of minor units: ``{{ order.amount|money:order.currency }}``."""
    return pricing.money(amount, currency)
