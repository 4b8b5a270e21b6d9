"""Centuries, years, months, days and hours."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.core.periods import CENTURIES, Level, NoSuchPeriod, Period, get_period
from timeline.core.spans import WINDOW_END, WINDOW_START

SECONDS = int((WINDOW_END - WINDOW_START).total_seconds())
instants = st.integers(0, SECONDS - 1).map(lambda n: WINDOW_START + dt.timedelta(seconds=n))
levels = st.sampled_from(Level)


def test_it_works():
    hour = Period.of(1969, 7, 20, 20)
    assert hour.url == "/timeline/1969/07/20/20/"
    assert [ancestor.name for ancestor in hour.ancestors] == [
        "20th century", "1969", "July 1969", "20 July 1969",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "first", "last", "name"),
    [(1, 1, 100, "1st century"), (20, 1901, 2000, "20th century"), (21, 2001, 2100, "21st century"),
     (12, 1101, 1200, "12th century"), (100, 9901, 9999, "100th century")],
)  # fmt: skip
def test_there_is_no_year_0(number, first, last, name):
    century = Period.century(number)
    assert century.name == name
    assert (century.first_day.year, century.last_day.year) == (first, last)
    assert [year.first_day.year for year in century.children] == list(range(first, last + 1))


@pytest.mark.parametrize(
    "numbers",
    [(0,), (10000,), (1969, 0), (1969, 7, 0), (1969, 13), (1969, 2, 29),
     (1900, 2, 29), (1969, 7, 20, 24), (1, 1, 1), (9999, 12, 31), (1969, 7, 32)],
)  # fmt: skip
def test_invalid_period_is_refused(numbers):
    with pytest.raises(NoSuchPeriod):
        Period.of(*numbers)


@pytest.mark.parametrize("number", [0, 101, -1])
def test_invalid_century_is_refused(number):
    with pytest.raises(NoSuchPeriod):
        Period.century(number)


def test_first_and_last_period_have_no_neighbours_outside():
    for level in Level:
        first, last = (
            get_period(level, WINDOW_START),
            get_period(level, WINDOW_END - dt.timedelta(seconds=1)),
        )
        assert first.previous is None
        assert last.next is None
        assert first.starts_at == WINDOW_START
        assert last.ends_at == WINDOW_END


def test_walk_through_all_centuries_covers_the_window():
    centuries = [Period.century(1)]
    while following := centuries[-1].next:
        centuries.append(following)
    assert len(centuries) == CENTURIES


@given(levels, instants)
def test_period_contains_its_instant(level, instant):
    period = get_period(level, instant)
    assert period.starts_at <= instant < period.ends_at


@given(levels, instants)
def test_neighbours_are_adjacent(level, instant):
    period = get_period(level, instant)
    if period.next:
        assert period.next.starts_at == period.ends_at
        assert period.next.previous == period
    if period.previous:
        assert period.previous.ends_at == period.starts_at
        assert period.previous.next == period


@given(levels, instants)
def test_children_fill_their_period(level, instant):
    period = get_period(level, instant)
    children = period.children
    if level is Level.HOUR:
        assert children == []
        return
    assert children[0].starts_at == period.starts_at
    assert children[-1].ends_at == period.ends_at
    assert all(
        one.ends_at == other.starts_at for one, other in zip(children, children[1:], strict=False)
    )
    assert all(child.parent == period for child in children)
    assert len(children) <= 100


@given(levels, instants)
def test_period_has_a_url_and_names(level, instant):
    period = get_period(level, instant)
    assert period.url.startswith("/timeline/")
    assert period.url.isascii()
    assert period.name
    assert period.short_name
