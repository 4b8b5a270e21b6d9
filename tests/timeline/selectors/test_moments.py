"""Lists of moments: pagination by key, periods, neighbours, tags."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import scale_examples
from timeline.core.spans import parse_instant
from timeline.models import Moment, Visibility
from timeline.selectors.moments import (
    get_neighbours,
    get_neighbours_of_instant,
    get_tag_in_use,
    list_in_period,
    list_newest,
    list_on_day_of_year,
    list_tags_in_use,
)
from timeline.selectors.pagination import Cursor
from timeline.services.placement import delete_moments

HIDDEN = Visibility.PRIVATE


def starts(page):
    return [moment.starts_iso for moment in page.rows]


@pytest.fixture
def ten(make_moment):
    return [make_moment(f"2020-01-01T{hour:02}:00:00Z") for hour in range(10)]


def test_it_works(ten):
    page = list_newest(None)
    assert page.rows == ten[::-1]
    assert page.before is None
    assert page.after is None


def test_pages_follow_each_other_both_ways(ten):
    first = list_newest(None, size=4)
    second = list_newest(None, Cursor(before=first.before), size=4)
    third = list_newest(None, Cursor(before=second.before), size=4)
    assert first.rows + second.rows + third.rows == ten[::-1]
    assert (first.before, second.before, third.before) == (ten[6].starts_at, ten[2].starts_at, None)
    back = list_newest(None, Cursor(after=third.after), size=4)
    assert back.rows == second.rows
    assert back.before == second.before
    assert back.after == second.after
    assert list_newest(None, Cursor(after=second.after), size=4).rows == first.rows


def test_insert_and_delete_between_pages_neither_repeat_nor_skip(ten, make_moment):
    """Edge case 18: a cursor is an instant, so its moment may have been deleted."""
    first = list_newest(None, size=4)
    make_moment("2020-01-01T20:00:00Z")
    delete_moments(Moment.objects.filter(pk=first.rows[-1].pk))
    second = list_newest(None, Cursor(before=first.before), size=4)
    assert second.rows == ten[5:1:-1]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(30)
)
@given(size=st.integers(1, 12), hidden=st.sets(st.integers(0, 9)))
def test_all_pages_together_have_each_visible_moment_once(ten, size, hidden):
    Moment.objects.update(visibility=Visibility.PUBLIC)
    Moment.objects.filter(pk__in=[ten[n].pk for n in hidden]).update(visibility=HIDDEN)
    visible = [moment for n, moment in enumerate(ten) if n not in hidden]
    page = list_newest(None, size=size)
    found = list(page.rows)
    while page.before:
        page = list_newest(None, Cursor(before=page.before), size=size)
        found += page.rows
    assert found == visible[::-1]
    forwards = list_in_period(
        None, parse_instant("2020-01-01"), parse_instant("2020-01-02"), size=size
    )
    found = list(forwards.rows)
    while forwards.after:
        forwards = list_in_period(
            None,
            parse_instant("2020-01-01"),
            parse_instant("2020-01-02"),
            Cursor(after=forwards.after),
            size=size,
        )
        found += forwards.rows
    assert found == visible


def test_period_lists_moments_that_overlap_it(make_moment):
    make_moment("2019-12-31T00:00:00Z", 86_400)
    before = make_moment("2020-01-01T00:00:00Z", 3600)
    inside = make_moment("2020-01-01T01:00:00Z", 60)
    make_moment("2020-01-01T02:00:00Z", 60)
    page = list_in_period(
        None, parse_instant("2020-01-01T00:30"), parse_instant("2020-01-01T02:00")
    )
    assert page.rows == [before, inside]


def test_day_long_moment_is_found_by_its_last_second(make_moment):
    moment = make_moment("2020-01-01", 86_400)
    last = moment.ends_at - dt.timedelta(seconds=1)
    assert list_in_period(None, last, moment.ends_at).rows == [moment]
    assert list_in_period(None, moment.ends_at, moment.ends_at + dt.timedelta(days=1)).rows == []


@pytest.mark.parametrize(
    ("start", "end"), [("0001-01-01", "0001-01-03"), ("9999-12-30", "9999-12-31")]
)
def test_period_at_either_end_of_the_timeline(make_moment, start, end):
    """Edge case 6."""
    first, last = make_moment("0001-01-02", 60), make_moment("9999-12-30T23:59:59Z", 1)
    found = list_in_period(None, parse_instant(start), parse_instant(end)).rows
    assert found == ([first] if start.startswith("0001") else [last])


def test_neighbours_skip_hidden_moments(make_moment, owner):
    """Edge case 15."""
    first = make_moment("2020-01-01")
    hidden = make_moment("2020-01-02", visibility=HIDDEN)
    last = make_moment("2020-01-03")
    assert get_neighbours(None, first) == (None, last)
    assert get_neighbours(owner, first) == (None, hidden)
    assert get_neighbours(None, last) == (first, None)


def test_neighbours_of_an_instant(make_moment):
    moment = make_moment("2020-01-01T00:00:00Z", 60)
    later = make_moment("2020-01-02")
    assert get_neighbours_of_instant(None, moment.starts_at) == ([moment], later)
    assert get_neighbours_of_instant(None, parse_instant("2019-01-01")) == ([], moment)


def test_day_of_year_lists_moments_of_any_year(make_moment):
    a = make_moment("1969-07-20T23:59:59Z", 1)
    b = make_moment("0800-07-20")
    make_moment("1969-07-21")
    leap = make_moment("2000-02-29")
    assert list_on_day_of_year(None, 7, 20).rows == [a, b]
    assert list_on_day_of_year(None, 2, 29).rows == [leap]


def test_tag_page_is_ordered_by_start(make_tagged_moment):
    first, second = (
        make_tagged_moment("2020-01-01", "moon"),
        make_tagged_moment("2020-01-02", "moon", "sun"),
    )
    make_tagged_moment("2020-01-03", "sun")
    moon = get_tag_in_use(None, "moon")
    assert list_newest(None, tag=moon).rows == [second, first]
    cursor = Cursor(before=second.starts_at)
    assert list_newest(None, cursor, tag=moon).rows == [first]


def test_later_pages_of_a_tag_repeat_nothing(make_tagged_moment):
    """Whatever other tags its moments have."""
    moments = [
        make_tagged_moment(f"2020-01-{day:02}", "moon", "sun", f"day-{day}") for day in range(1, 10)
    ]
    moon = get_tag_in_use(None, "moon")
    page = list_newest(None, tag=moon, size=4)
    found = list(page.rows)
    while page.before:
        page = list_newest(None, Cursor(before=page.before), tag=moon, size=4)
        found += page.rows
    assert found == moments[::-1]
    back = list_newest(None, Cursor(after=moments[0].starts_at), tag=moon, size=4)
    assert back.rows == moments[4:0:-1]


def test_tags_of_hidden_moments_are_not_listed(make_tagged_moment, owner):
    """Edge case 15."""
    make_tagged_moment("2020-01-01", "open")
    make_tagged_moment("2020-01-02", "canary", visibility=HIDDEN)
    assert [tag.name for tag in list_tags_in_use(None).rows] == ["open"]
    assert get_tag_in_use(None, "canary") is None
    assert get_tag_in_use(owner, "canary") is not None
    assert [tag.name for tag in list_tags_in_use(owner, Cursor(after="canary")).rows] == ["open"]
