"""Instants and spans."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.strategies import any_spans
from timeline.core.exceptions import InvalidInstant, InvalidSpan
from timeline.core.spans import UTC, WINDOW_END, WINDOW_START, Span, format_instant, parse_instant


def test_it_works():
    assert parse_instant("1969-07-20T20:17:40Z") == dt.datetime(1969, 7, 20, 20, 17, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1969-07-20", "1969-07-20T00:00:00Z"),
        ("1969-07-20T20:17", "1969-07-20T20:17:00Z"),
        ("1969-07-20 20:17:40", "1969-07-20T20:17:40Z"),
        ("1969-07-20T16:17:40-04:00", "1969-07-20T20:17:40Z"),
        ("1969-07-21T01:47:40+0530", "1969-07-20T20:17:40Z"),
        ("  1969-07-20T20:17:40z ", "1969-07-20T20:17:40Z"),
        ("0001-01-02", "0001-01-02T00:00:00Z"),
        ("9999-12-31", "9999-12-31T00:00:00Z"),
        ("2000-02-29", "2000-02-29T00:00:00Z"),
    ],
)
def test_instant_is_parsed(text, expected):
    assert format_instant(parse_instant(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Give a time"),
        ("yesterday", "Give a time"),
        ("1969-7-20", "Give a time"),
        ("1969-07-20T20", "Give a time"),
        ("10000-01-01", "Give a time"),
        ("-0001-01-01", "Give a time"),
        ("1969-07-20T20:17:40\x00", "Give a time"),
        ("١٩٦٩-07-20", "Give a time"),
        ("1" * 5000, "Give a time"),
        ("0000-01-01", "no such time"),
        ("1900-02-29", "no such time"),
        ("1969-07-20T24:00:00Z", "no such time"),
        ("1969-13-01", "no such time"),
        ("1969-07-20T20:17:40+25:00", "no such time"),
        ("1969-07-20T20:17:40+01:99", "no such time"),
        ("0001-01-01T00:00:00+01:00", "no such time"),
        ("9999-12-31T23:59:59-01:00", "no such time"),
        ("9999-12-31T23:59:60Z", "Leap seconds"),
        ("2016-12-31T23:59:60Z", "Leap seconds"),
        ("1969-07-20T20:17:40.5Z", "whole seconds"),
    ],
)
def test_invalid_instant_is_refused_with_a_sentence(text, message):
    """Edge case 4, edge case 5, edge case 6."""
    with pytest.raises(InvalidInstant, match=message):
        parse_instant(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        instant = parse_instant(text)
    except InvalidInstant as error:
        assert str(error).endswith((".", "(UTC)."))
    else:
        assert instant.utcoffset() == dt.timedelta(0)


@given(any_spans())
def test_formatted_instant_parses_to_itself(span):
    assert parse_instant(format_instant(span.starts_at)) == span.starts_at


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2020-01-01", "2020-01-01", "ends after"),
        ("2020-01-02", "2020-01-01", "ends after"),
        ("2020-01-01", "2020-01-02T00:00:01", "24 hours"),
        ("0001-01-01", "0001-01-01T00:00:01", "runs from"),
        ("9999-12-30T12:00", "9999-12-31T00:00:01", "runs from"),
    ],
)
def test_invalid_span_is_refused(start, end, message):
    with pytest.raises(InvalidSpan, match=message):
        Span(parse_instant(start), parse_instant(end))


def test_span_needs_zones_and_whole_seconds():
    start = parse_instant("2020-01-01")
    with pytest.raises(InvalidSpan, match="time zone"):
        Span(start.replace(tzinfo=None), start.replace(tzinfo=None))
    with pytest.raises(InvalidSpan, match="whole seconds"):
        Span(start, start.replace(microsecond=500_000))


@given(any_spans())
def test_span_overlaps_one_or_two_days(span):
    first, last = span.days[0], span.days[-1]
    assert len(span.days) in (1, 2)
    assert first == span.starts_at.date()
    assert dt.datetime.combine(last, dt.time(), UTC) < span.ends_at
    assert span.ends_at <= dt.datetime.combine(last, dt.time(), UTC) + dt.timedelta(days=1)


def test_the_whole_window_is_usable():
    assert Span(WINDOW_START, WINDOW_START + dt.timedelta(days=1)).days == (dt.date(1, 1, 2),)
    assert Span(WINDOW_END - dt.timedelta(days=1), WINDOW_END).days == (dt.date(9999, 12, 30),)
