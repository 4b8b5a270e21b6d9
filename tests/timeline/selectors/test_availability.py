"""Free spans: whether one is free, and the nearest ones to one that is taken."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from tests.support.claims import let_time_pass, span_of
from tests.support.examples import scale_examples
from timeline.core.spans import MAX_DURATION, SECOND, UTC, WINDOW_END, WINDOW_START, Span
from timeline.models import Moment, Status
from timeline.selectors import availability
from timeline.selectors.availability import find_nearest_free, is_free
from timeline.services.claims import holds
from timeline.services.placement import save_moment

pytestmark = pytest.mark.django_db

WANTED = span_of("1969-07-20T20:17:40Z", 60)


def test_it_works(make_moment):
    make_moment("1969-07-20T20:17:45Z", 10)
    free = find_nearest_free(WANTED, UTC_ZONE)
    assert free.before == span_of("1969-07-20T20:16:45Z", 60)
    assert free.after == span_of("1969-07-20T20:17:55Z", 60)
    assert free.same_clock_time == [
        span_of("1969-07-21T20:17:40Z", 60),
        span_of("1969-07-19T20:17:40Z", 60),
    ]


UTC_ZONE = zoneinfo.ZoneInfo("UTC")


def test_gap_that_is_too_short_is_skipped(make_moment):
    make_moment("1969-07-20T20:17:00Z", 100)
    make_moment("1969-07-20T20:19:00Z", 10)  # 20 s after the first
    make_moment("1969-07-20T20:15:30Z", 60)  # 30 s before it
    free = find_nearest_free(WANTED, UTC_ZONE)
    assert free.before == span_of("1969-07-20T20:14:30Z", 60)
    assert free.after == span_of("1969-07-20T20:19:10Z", 60)


def test_gap_of_exactly_the_duration_is_found(make_moment):
    make_moment("1969-07-20T20:17:00Z", 60)
    make_moment("1969-07-20T20:19:00Z", 60)
    assert find_nearest_free(WANTED, UTC_ZONE).after == span_of("1969-07-20T20:18:00Z", 60)


def test_held_span_is_not_free(claimant, make_moment):
    holds.hold(claimant, WANTED)
    assert not is_free(WANTED)
    assert find_nearest_free(WANTED, UTC_ZONE).after == span_of("1969-07-20T20:18:40Z", 60)


def test_expired_hold_and_revoked_moment_are_free(claimant, make_moment):
    """Edge case 9: the span of an expired hold is free at once."""
    let_time_pass(holds.hold(claimant, WANTED))
    make_moment("1969-07-20T20:18:40Z", status=Status.REVOKED)
    assert is_free(WANTED)
    assert is_free(span_of("1969-07-20T20:18:40Z", 60))


def test_private_moment_is_not_free(make_moment):
    """Edge case 15: it is public that a span is taken, even if the moment is not."""
    make_moment("1969-07-20T20:17:40Z", visibility="private")
    assert not is_free(WANTED)


def test_same_time_of_day_is_local_time(make_moment):
    """Edge case 1, edge case 2: across the end of summer time, the same local time is 25 hours away."""
    wanted = span_of("2024-10-26T18:00:00Z", 3600)  # 20:00 in Berlin
    make_moment("2024-10-26T18:00:00Z", 60)
    later, earlier = find_nearest_free(wanted, zoneinfo.ZoneInfo("Europe/Berlin")).same_clock_time
    assert later == span_of("2024-10-27T19:00:00Z", 3600)
    assert earlier == span_of("2024-10-25T18:00:00Z", 3600)


def test_day_without_that_local_time_is_skipped(make_moment):
    """Edge case 1: 02:30 does not exist on 31 March 2024 in Berlin."""
    make_moment("2024-03-30T01:30:00Z", 60)
    wanted = span_of("2024-03-30T01:30:00Z", 60)
    days = find_nearest_free(wanted, zoneinfo.ZoneInfo("Europe/Berlin")).same_clock_time
    assert [span.starts_at.date().isoformat() for span in days] == ["2024-03-29", "2024-04-01"]


def test_no_day_is_offered_if_all_are_taken_at_that_time(make_moment):
    for days in range(-availability.MAX_DAYS_AWAY, availability.MAX_DAYS_AWAY + 1):
        make_moment((WANTED.starts_at + dt.timedelta(days=days)).isoformat())
    free = find_nearest_free(WANTED, UTC_ZONE)
    assert free.same_clock_time == []
    assert free.after == span_of("1969-07-20T20:18:40Z", 60)


@pytest.mark.parametrize("start", [WINDOW_START, WINDOW_END - 60 * SECOND])
def test_ends_of_the_timeline_have_one_side_only(make_moment, start):
    """Edge case 6."""
    make_moment(start.isoformat())
    free = find_nearest_free(Span(start, start + 60 * SECOND), UTC_ZONE)
    assert (free.before is None) is (start == WINDOW_START)
    assert (free.after is None) is (start != WINDOW_START)
    assert len(free.same_clock_time) == 2


def test_search_stops_after_the_maximum_without_a_gap(
    make_moment, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(availability, "FIRST_BATCH", 4)
    monkeypatch.setattr(availability, "MAX_MOMENTS_READ", 12)
    for minute in range(60):
        make_moment(f"1969-07-20T20:{minute:02}:00Z", 60)
    with django_assert_max_num_queries(4):
        assert availability._first_free_after(span_of("1969-07-20T20:10:00Z", 60)) is None
    with django_assert_max_num_queries(4):
        assert availability._last_free_before(span_of("1969-07-20T20:50:00Z", 60)) is None
    assert availability._first_free_after(span_of("1969-07-20T20:55:00Z", 60)) == span_of(
        "1969-07-20T21:00:00Z", 60
    )


BASE = dt.datetime(2001, 1, 1, tzinfo=UTC)


def spans(longest: int) -> st.SearchStrategy[Span]:
    return st.builds(
        lambda start, length: Span(
            BASE + dt.timedelta(minutes=start), BASE + dt.timedelta(minutes=start + length)
        ),
        st.integers(0, 600),
        st.integers(1, longest),
    )


def find_by_trying(wanted: Span, taken: list[Span], step: dt.timedelta) -> Span:
    """Return the first free span of the same duration, searched minute by minute from the wanted one."""
    start = wanted.starts_at
    while True:
        start += step
        tried = Span(start, start + (wanted.ends_at - wanted.starts_at))
        if not any(t.starts_at < tried.ends_at and tried.starts_at < t.ends_at for t in taken):
            return tried


@settings(max_examples=scale_examples(60))
@given(placed=st.lists(spans(90), max_size=12), wanted=spans(240))
def test_nearest_free_agrees_with_a_search_minute_by_minute(placed, wanted):
    with transaction.atomic():
        owner = User.objects.get_or_create_curator("gap", "Gap")
        taken: list[Span] = []
        for span in placed:
            if all(t.ends_at <= span.starts_at or span.ends_at <= t.starts_at for t in taken):
                save_moment(
                    Moment(
                        user=owner, title="x", status=Status.ACTIVE,
                        starts_at=span.starts_at, ends_at=span.ends_at,
                    )
                )  # fmt: skip
                taken.append(span)
        overlaps = any(t.starts_at < wanted.ends_at and wanted.starts_at < t.ends_at for t in taken)
        assert is_free(wanted) is not overlaps
        if overlaps:
            free = find_nearest_free(wanted, UTC_ZONE)
            assert free.before == find_by_trying(wanted, taken, dt.timedelta(minutes=-1))
            assert free.after == find_by_trying(wanted, taken, dt.timedelta(minutes=1))
        transaction.set_rollback(True)


def test_longest_moment_of_the_day_before_is_found(make_moment):
    make_moment("1969-07-20T00:00:00Z", int(MAX_DURATION.total_seconds()))
    assert not is_free(span_of("1969-07-20T23:59:59Z", 1))
    assert is_free(span_of("1969-07-21T00:00:00Z", 1))
