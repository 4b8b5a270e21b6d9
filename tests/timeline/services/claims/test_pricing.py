"""What a moment costs."""

from __future__ import annotations

import pytest

from tests.support.claims import span_of
from timeline.models import Visibility
from timeline.services.claims.pricing import Tariff, calculate_price, format_money

TARIFF = Tariff(moment=500, further_hour=50, not_public=100, currency="eur")


@pytest.mark.parametrize(
    ("seconds", "amount"),
    [(1, 500), (3600, 500), (3601, 550), (7200, 550), (86_400, 500 + 23 * 50)],
)
def test_each_hour_begun_after_the_first_costs(seconds, amount):
    assert (
        calculate_price(span_of("2001-01-01", seconds), Visibility.PUBLIC, TARIFF).amount == amount
    )


def test_hours_are_elapsed_time():
    """Edge case 2: across the end of summer time, the elapsed time counts."""
    over = span_of("2024-10-27T00:30:00Z", 7200)  # 02:30 to 03:30 on clocks in Berlin
    assert calculate_price(over, Visibility.PUBLIC, TARIFF).amount == 550


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_options_are_lines_of_the_price(visibility):
    price = calculate_price(span_of("2001-01-01", 7200), visibility, TARIFF)
    assert [(line.name, line.amount) for line in price.lines] == [
        ("A moment, its first hour included", 500),
        ("1 further hour", 50),
        ("Not on the public timeline", 100),
    ]


def test_free_items_are_left_out():
    free = Tariff(moment=0, further_hour=0, not_public=0, currency="eur")
    price = calculate_price(span_of("2001-01-01", 7200), Visibility.PRIVATE, free)
    assert (price.lines, price.amount) == ((), 0)


def test_tariff_survives_storage():
    assert Tariff.from_data(TARIFF.as_data()) == TARIFF


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (500, "eur", "5.00 EUR"),
        (123_456_789, "usd", "1,234,567.89 USD"),
        (500, "jpy", "500 JPY"),
        (1500, "kwd", "1.500 KWD"),
        (0, "eur", "0.00 EUR"),
    ],
)
def test_money_is_formatted(amount, currency, text):
    assert format_money(amount, currency) == text
