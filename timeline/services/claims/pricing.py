"""What a moment costs: the one place. Amounts are whole minor units (cents) of one currency.

The price list is read from the settings when a span is held, and kept with the
order: what it says then is what is paid, whatever the list says later.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from timeline.core.spans import Span
from timeline.models import Visibility

# ISO 4217's currencies without minor units, and those with three digits of them.
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
        """Return the price list that the settings have now."""
        return cls(
            moment=settings.PRICE_MOMENT,
            further_hour=settings.PRICE_FURTHER_HOUR,
            not_public=settings.PRICE_NOT_PUBLIC,
            currency=settings.CURRENCY,
        )

    @classmethod
    def kept(cls, data: dict[str, Any]) -> Tariff:
        """Return the price list that ``as_data`` has stored."""
        return cls(**data)

    def as_data(self) -> dict[str, Any]:
        """Return what an order keeps of it."""
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
    """Return the price of a moment at ``span`` by ``tariff``; items that cost nothing are left out.

    Hours are of elapsed time: two hours over the end of summer time are two hours.
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
    """Return an amount of minor units as people read it: ``5.00 EUR``, ``500 JPY``."""
    digits = (
        0
        if currency in ZERO_DECIMAL_CURRENCIES
        else 3
        if currency in THREE_DECIMAL_CURRENCIES
        else 2
    )
    return f"{Decimal(amount).scaleb(-digits):,.{digits}f} {currency.upper()}"
