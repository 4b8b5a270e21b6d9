"""What a moment costs. Amounts are whole minor units (cents) of one currency.

The price list is read from the settings when a span is held, and stored with
the order. What the person pays is what it said then, even if the settings
change later.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from timeline.core.spans import Span
from timeline.models import Visibility

# The currencies of ISO 4217 without minor units, and those whose minor unit is a thousandth.
ZERO_DECIMAL_CURRENCIES = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()
)
THREE_DECIMAL_CURRENCIES = frozenset("bhd jod kwd omr tnd".split())


@dataclass(frozen=True)
class Tariff:
    """A price list."""

    moment: int  # any moment, its first hour included
    further_hour: int  # each hour begun after the first
    not_public: int  # a moment that is unlisted or private
    currency: str

    @classmethod
    def current(cls) -> Tariff:
        """Return the price list in the settings."""
        return cls(
            moment=settings.PRICE_MOMENT,
            further_hour=settings.PRICE_FURTHER_HOUR,
            not_public=settings.PRICE_NOT_PUBLIC,
            currency=settings.CURRENCY,
        )

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Tariff:
        """Return the price list that an order has stored."""
        return cls(**data)

    def as_data(self) -> dict[str, Any]:
        """Return what an order stores, as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Line:
    """One item of a price."""

    name: str
    amount: int


@dataclass(frozen=True)
class Price:
    """What a moment costs, item by item."""

    lines: tuple[Line, ...]
    currency: str

    @property
    def amount(self) -> int:
        """The sum, in minor units."""
        return sum(line.amount for line in self.lines)


def calculate_price(span: Span, visibility: str, tariff: Tariff) -> Price:
    """Return the price of a moment at ``span``, without items that cost nothing.

    Hours are elapsed time: two hours across the end of summer time are two hours.
    """
    hours = math.ceil((span.ends_at - span.starts_at).total_seconds() / 3600) - 1
    items = [
        Line("A moment, its first hour included", tariff.moment),
        Line(f"{hours} further hour{'' if hours == 1 else 's'}", tariff.further_hour * hours),
    ]
    if visibility != Visibility.PUBLIC:
        items.append(Line("Not on the public timeline", tariff.not_public))
    return Price(tuple(line for line in items if line.amount), tariff.currency)


def format_money(amount: int, currency: str) -> str:
    """Format an amount of minor units: ``5.00 EUR``, ``500 JPY``."""
    if currency in ZERO_DECIMAL_CURRENCIES:
        digits = 0
    elif currency in THREE_DECIMAL_CURRENCIES:
        digits = 3
    else:
        digits = 2
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f} {currency.upper()}"
