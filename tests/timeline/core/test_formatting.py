"""Instants, days and durations, formatted for people."""

import datetime as dt

import pytest

from timeline.core.formatting import (
    format_day,
    format_duration,
    format_ordinal,
    format_relative_time,
    format_timestamp,
)
from timeline.core.spans import parse_instant


def test_it_works():
    assert format_timestamp(parse_instant("1969-07-20T20:17:40Z")) == "20 July 1969, 20:17:40 UTC"


def test_early_year_has_no_leading_zeros():
    """Edge case 6."""
    assert format_day(dt.date(1, 1, 2)) == "2 January 1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 s"), (60, "1 min"), (61, "1 min 1 s"), (3600, "1 h"), (86_400, "24 h"), (6481, "1 h 48 min 1 s")],
)  # fmt: skip
def test_duration_shows_only_units_that_are_not_zero(seconds, text):
    assert format_duration(dt.timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (22, "22nd"), (100, "100th")],
)  # fmt: skip
def test_ordinal_has_the_right_ending(number, text):
    assert format_ordinal(number) == text


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("1969-07-20T20:17:40", "happening now"),
        ("1969-07-20T20:18:39", "happening now"),
        ("1969-07-20T20:18:40", "a moment ago"),
        ("1969-07-20T20:18:41", "1 second ago"),
        ("1969-07-22T20:18:40", "2 days ago"),
        ("1979-07-20T20:18:39", "9 years ago"),
        ("1979-07-20T20:18:40", "10 years ago"),
        ("1969-07-20T20:17:39", "in 1 second"),
        ("1969-05-01", "in 2 months"),
        ("0001-01-02", "in 1968 years"),
    ],
)
def test_relative_time_has_one_unit_rounded_down(now, text):
    start = parse_instant("1969-07-20T20:17:40")
    assert format_relative_time(start, start + dt.timedelta(minutes=1), parse_instant(now)) == text
