"""Reading the timeline: pages by key, windows, neighbours."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from timeline import reading
from timeline.models import Moment, Visibility
from timeline.overlap import remove
from timeline.reading import Cut
from timeline.spans import parse_instant

HIDDEN = Visibility.PRIVATE


def starts(page):
    return [moment.starts_iso for moment in page.moments]


@pytest.fixture
def ten(make_moment):
    return [make_moment(f"2020-01-01T{hour:02}:00:00Z") for hour in range(10)]


def test_it_works(ten):
    page = reading.newest_first(None)
    assert page.moments == ten[::-1]
    assert not page.has_earlier
    assert not page.has_later


def test_pages_follow_each_other_both_ways(ten):
    first = reading.newest_first(None, size=4)
    second = reading.newest_first(None, Cut(before=first.earliest), size=4)
    third = reading.newest_first(None, Cut(before=second.earliest), size=4)
    assert first.moments + second.moments + third.moments == ten[::-1]
    assert (first.has_earlier, second.has_earlier, third.has_earlier) == (True, True, False)
    back = reading.newest_first(None, Cut(after=third.latest), size=4)
    assert back.moments == second.moments
    assert back.has_earlier
    assert back.has_later
    assert reading.newest_first(None, Cut(after=second.latest), size=4).moments == first.moments


def test_inserts_and_deletes_neither_repeat_nor_skip(ten, make_moment):
    """EDGE_CASES 18: a cursor is an instant, so its moment may be gone."""
    first = reading.newest_first(None, size=4)
    make_moment("2020-01-01T20:00:00Z")
    remove(Moment.objects.filter(pk=first.moments[-1].pk))
    second = reading.newest_first(None, Cut(before=first.earliest), size=4)
    assert second.moments == ten[5:1:-1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(30))
@given(size=st.integers(1, 12), hidden=st.sets(st.integers(0, 9)))
def test_walking_all_pages_finds_each_visible_moment_once(ten, size, hidden):
    Moment.objects.update(visibility=Visibility.PUBLIC)
    Moment.objects.filter(pk__in=[ten[n].pk for n in hidden]).update(visibility=HIDDEN)
    visible = [moment for n, moment in enumerate(ten) if n not in hidden]
    page = reading.newest_first(None, size=size)
    found = list(page.moments)
    while page.has_earlier:
        page = reading.newest_first(None, Cut(before=page.earliest), size=size)
        found += page.moments
    assert found == visible[::-1]
    forwards = reading.within(
        None, parse_instant("2020-01-01"), parse_instant("2020-01-02"), size=size
    )
    found = list(forwards.moments)
    while forwards.has_later:
        forwards = reading.within(
            None,
            parse_instant("2020-01-01"),
            parse_instant("2020-01-02"),
            Cut(after=forwards.latest),
            size=size,
        )
        found += forwards.moments
    assert found == visible


def test_a_window_holds_what_touches_it(make_moment):
    make_moment("2019-12-31T00:00:00Z", 86_400)
    before = make_moment("2020-01-01T00:00:00Z", 3600)
    inside = make_moment("2020-01-01T01:00:00Z", 60)
    make_moment("2020-01-01T02:00:00Z", 60)
    page = reading.within(
        None, parse_instant("2020-01-01T00:30"), parse_instant("2020-01-01T02:00")
    )
    assert page.moments == [before, inside]


def test_a_day_long_moment_is_found_from_its_last_second(make_moment):
    moment = make_moment("2020-01-01", 86_400)
    last = moment.ends_at - dt.timedelta(seconds=1)
    assert reading.within(None, last, moment.ends_at).moments == [moment]
    assert reading.within(None, moment.ends_at, moment.ends_at + dt.timedelta(days=1)).moments == []


@pytest.mark.parametrize(
    ("start", "end"), [("0001-01-01", "0001-01-03"), ("9999-12-30", "9999-12-31")]
)
def test_a_window_at_the_ends_of_time(make_moment, start, end):
    """EDGE_CASES 6."""
    first, last = make_moment("0001-01-02", 60), make_moment("9999-12-30T23:59:59Z", 1)
    found = reading.within(None, parse_instant(start), parse_instant(end)).moments
    assert found == ([first] if start.startswith("0001") else [last])


def test_neighbours_skip_what_is_hidden(make_moment, owner):
    """EDGE_CASES 15."""
    first = make_moment("2020-01-01")
    hidden = make_moment("2020-01-02", visibility=HIDDEN)
    last = make_moment("2020-01-03")
    assert reading.neighbours(None, first) == (None, last)
    assert reading.neighbours(owner, first) == (None, hidden)
    assert reading.neighbours(None, last) == (first, None)


def test_around_an_instant(make_moment):
    moment = make_moment("2020-01-01T00:00:00Z", 60)
    later = make_moment("2020-01-02")
    assert reading.around(None, moment.starts_at) == ([moment], later)
    assert reading.around(None, parse_instant("2019-01-01")) == ([], moment)


def test_a_day_of_any_year(make_moment):
    a = make_moment("1969-07-20T23:59:59Z", 1)
    b = make_moment("0800-07-20")
    make_moment("1969-07-21")
    leap = make_moment("2000-02-29")
    assert reading.on_day_of_year(None, 7, 20).moments == [a, b]
    assert reading.on_day_of_year(None, 2, 29).moments == [leap]


def test_a_tags_page_follows_its_own_times(tagged):
    first, second = tagged("2020-01-01", "moon"), tagged("2020-01-02", "moon", "sun")
    tagged("2020-01-03", "sun")
    moon = reading.tag_named(None, "moon")
    assert reading.newest_first(None, tag=moon).moments == [second, first]
    cut = Cut(before=second.starts_at)
    assert reading.newest_first(None, cut, tag=moon).moments == [first]


def test_a_tags_later_pages_repeat_nothing(tagged):
    """Whatever other tags its moments carry."""
    moments = [tagged(f"2020-01-{day:02}", "moon", "sun", f"day-{day}") for day in range(1, 10)]
    moon = reading.tag_named(None, "moon")
    page = reading.newest_first(None, tag=moon, size=4)
    found = list(page.moments)
    while page.has_earlier:
        page = reading.newest_first(None, Cut(before=page.earliest), tag=moon, size=4)
        found += page.moments
    assert found == moments[::-1]
    back = reading.newest_first(None, Cut(after=moments[0].starts_at), tag=moon, size=4)
    assert back.moments == moments[4:0:-1]


def test_tags_of_hidden_moments_are_not_there(tagged, owner):
    """EDGE_CASES 15."""
    tagged("2020-01-01", "open")
    tagged("2020-01-02", "canary", visibility=HIDDEN)
    assert [tag.name for tag in reading.tags_in_use(None)[0]] == ["open"]
    assert reading.tag_named(None, "canary") is None
    assert reading.tag_named(owner, "canary") is not None
    assert [tag.name for tag in reading.tags_in_use(owner, after="canary")[0]] == ["open"]
