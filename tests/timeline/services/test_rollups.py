"""Stored counts: every write keeps them correct, and folding does not change them."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from tests.support.examples import scale_examples
from tests.support.strategies import any_hours, any_spans, crowded_spans
from timeline.core.exceptions import SpanTaken
from timeline.core.periods import Level, Period
from timeline.core.spans import UTC, parse_instant
from timeline.models import Moment, RollupDay, RollupPeriod, Status, Visibility
from timeline.selectors.rollups import (
    EMPTY_TALLY,
    Tally,
    get_hour_tallies,
    get_tally,
    get_tally_with_children,
)
from timeline.services import rollups
from timeline.services.placement import delete_moments, save_moment

DAY = dt.date(1969, 7, 20)


def get_tally_of(level, *numbers):
    period = Period.century(numbers[0]) if level is Level.CENTURY else Period.of(*numbers)
    return get_tally(period)


def test_it_works(make_moment):
    make_moment("1969-07-20T20:17:40Z", 60)
    expected = Tally(moments=1, seconds=60)
    assert get_tally_of(Level.DAY, 1969, 7, 20) == expected
    assert get_tally_of(Level.MONTH, 1969, 7) == expected
    assert get_tally_of(Level.YEAR, 1969) == expected
    assert get_tally_of(Level.CENTURY, 20) == expected
    assert get_tally_of(Level.HOUR, 1969, 7, 20, 20) == expected


def test_moment_over_midnight_is_counted_once_and_covers_both_days(make_moment):
    make_moment("1969-07-31T23:00:00Z", 7200)
    assert get_tally_of(Level.DAY, 1969, 7, 31) == Tally(1, 3600)
    assert get_tally_of(Level.DAY, 1969, 8, 1) == Tally(0, 3600)
    assert get_tally_of(Level.MONTH, 1969, 8) == Tally(0, 3600)
    assert get_tally_of(Level.YEAR, 1969) == Tally(1, 7200)


def test_day_long_moment_from_midnight_covers_one_day(make_moment):
    make_moment("1969-07-20", 86_400)
    assert get_tally_of(Level.DAY, 1969, 7, 20) == Tally(1, 86_400)
    assert get_tally_of(Level.DAY, 1969, 7, 21) == EMPTY_TALLY


def test_both_ends_of_the_timeline(make_moment):
    """Edge case 6."""
    make_moment("0001-01-02", 86_400)
    make_moment("9999-12-30", 86_400)
    assert get_tally_of(Level.CENTURY, 1) == get_tally_of(Level.CENTURY, 100) == Tally(1, 86_400)
    rollups.fold()
    assert get_tally_of(Level.YEAR, 1) == get_tally_of(Level.YEAR, 9999) == Tally(1, 86_400)


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.PRIVATE])
def test_hidden_moments_cover_seconds_but_are_not_counted(make_moment, visibility):
    """Edge case 15: it is public that a span is taken, but not that a hidden moment is there."""
    make_moment("1969-07-20", 60, visibility=visibility)
    assert get_tally_of(Level.DAY, 1969, 7, 20) == Tally(0, 60)


@pytest.mark.parametrize("status", [Status.PAYING, Status.REVOKED, Status.RELEASED])
def test_inactive_moments_are_not_counted(make_moment, status):
    make_moment("1969-07-20", 60, status=status)
    assert get_tally_of(Level.DAY, 1969, 7, 20) == EMPTY_TALLY


def test_every_kind_of_change_updates_the_counts(make_moment):
    moment = make_moment("1969-07-20", 60)
    moment.visibility = Visibility.PRIVATE
    save_moment(moment)
    assert get_tally_of(Level.DAY, 1969, 7, 20) == Tally(0, 60)
    moment.starts_at, moment.ends_at = (
        parse_instant("1970-01-01"),
        parse_instant("1970-01-01T00:00:10"),
    )
    save_moment(moment)
    assert get_tally_of(Level.YEAR, 1969) == EMPTY_TALLY
    assert get_tally_of(Level.YEAR, 1970) == Tally(0, 10)
    Moment.objects.update(visibility=Visibility.PUBLIC)
    assert get_tally_of(Level.YEAR, 1970) == Tally(1, 10)
    delete_moments(Moment.objects.all())
    assert get_tally_of(Level.YEAR, 1970) == EMPTY_TALLY


def test_change_of_a_title_leaves_the_days_clean(make_moment):
    moment = make_moment("1969-07-20", 60)
    rollups.fold()
    moment.title = "Another title"
    save_moment(moment)
    assert not RollupDay.objects.filter(dirty=True).exists()


def test_bulk_delete_updates_the_counts(make_moment):
    """Edge case 32: deleting many moments in the admin frees their spans and updates the counts."""
    for hour in range(5):
        make_moment(f"1969-07-20T{hour:02}:00:00Z")
    Moment.objects.all().delete()
    assert get_tally_of(Level.CENTURY, 20) == EMPTY_TALLY


def test_fold_does_not_change_what_readers_see(make_moment):
    make_moment("1969-07-20T23:59:00Z", 120)
    before = [get_tally(Period.of(1969, *rest)) for rest in ((), (7,), (7, 20))]
    assert rollups.fold() == 2
    assert rollups.fold() == 0
    after = [get_tally(Period.of(1969, *rest)) for rest in ((), (7,), (7, 20))]
    assert before == after
    assert RollupPeriod.objects.filter(level="year").get().moments == 1


def test_write_folds_when_many_days_have_changed(
    make_moment, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(rollups, "MAX_UNFOLDED_DAYS", 2)
    with django_capture_on_commit_callbacks(execute=True):
        for day in range(1, 4):
            make_moment(f"1969-07-{day:02}")
    assert not RollupDay.objects.filter(dirty=True).exists()
    assert get_tally_of(Level.MONTH, 1969, 7) == Tally(3, 180)


def test_children_of_a_period_sum_up_to_it(make_moment):
    make_moment("1969-07-20T20:59:30Z", 60)
    make_moment("1969-07-20T23:30:00Z", 3600)
    for period in (Period.century(20), Period.of(1969), Period.of(1969, 7)):
        whole, parts = get_tally_with_children(period)
        assert whole == sum((tally for _, tally in parts), start=EMPTY_TALLY)
        assert whole == get_tally(period)
    hours = {part.hour: tally for part, tally in get_tally_with_children(Period.of(1969, 7, 20))[1]}
    assert (hours[20], hours[21], hours[23]) == (Tally(1, 30), Tally(0, 30), Tally(1, 1800))
    following = {
        part.hour: tally for part, tally in get_tally_with_children(Period.of(1969, 7, 21))[1]
    }
    assert following[0] == Tally(0, 1800)


def test_reading_takes_one_query(make_moment, django_assert_num_queries):
    """A day's hours are not stored and take a second query, for the moment that extends into the day."""
    make_moment("1969-07-20")
    for period in (Period.century(20), Period.of(1969), Period.of(1969, 7)):
        with django_assert_num_queries(1):
            get_tally_with_children(period)
    with django_assert_num_queries(2):
        get_tally_with_children(Period.of(1969, 7, 20))


@given(spans=st.lists(any_hours(), max_size=12))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(50)
)
def test_hours_sum_to_their_day(owner, spans):
    """The tallies of the hours add up to the stored row of the day, wherever the moments are."""
    with transaction.atomic():
        for span in spans:
            with contextlib.suppress(SpanTaken), transaction.atomic():
                save_moment(Moment(user=owner, title="x", status=Status.ACTIVE,
                             starts_at=span.starts_at, ends_at=span.ends_at))  # fmt: skip
        for day in (DAY, DAY + dt.timedelta(days=1)):
            hours = get_hour_tallies(day)
            assert sum(hours.values(), start=EMPTY_TALLY) == get_tally(Period(Level.DAY, day))
            for hour, tally in hours.items():
                begin = dt.datetime.combine(day, dt.time(hour), UTC)
                end = begin + dt.timedelta(hours=1)
                inside = Moment.objects.filter(starts_at__lt=end, ends_at__gt=begin)
                covered = sum(
                    (min(m.ends_at, end) - max(m.starts_at, begin)).total_seconds() for m in inside
                )
                assert tally.seconds == covered
        transaction.set_rollback(True)


def test_recount_finds_differences(make_moment):
    """Edge case 33."""
    make_moment("1969-07-20", 60)
    rollups.fold()
    assert rollups.find_differences() == []
    RollupDay.objects.update(moments=2)
    RollupPeriod.objects.filter(level="year").update(seconds=1)
    found = rollups.find_differences()
    assert len(found) == 2
    assert found[0].startswith("day 1969-07-20: stored Tally(moments=2")


class Writes(RuleBasedStateMachine):
    """Any writes in any order, by ``save_moment`` or directly in the database."""

    @initialize()
    def begin(self):
        self.owner = User.objects.get_or_create_curator("ada", "Ada")

    @rule(
        span=st.one_of(crowded_spans(), any_spans()),
        status=st.sampled_from([Status.ACTIVE, Status.PAYING, Status.RELEASED]),
        visibility=st.sampled_from(Visibility),
    )
    def write(self, span, status, visibility):
        moment = Moment(
            user=self.owner, title="x", status=status, visibility=visibility,
            starts_at=span.starts_at, ends_at=span.ends_at,
        )  # fmt: skip
        try:
            save_moment(moment)
        except SpanTaken:
            assert status in (Status.ACTIVE, Status.PAYING)

    @rule(data=st.data(), span=crowded_spans())
    def move(self, data, span):
        if moment := self.draw_moment(data):
            moment.starts_at, moment.ends_at = span.starts_at, span.ends_at
            with contextlib.suppress(SpanTaken):
                save_moment(moment)

    @rule(visibility=st.sampled_from(Visibility))
    def show_or_hide_all(self, visibility):
        Moment.objects.update(visibility=visibility)

    @rule(data=st.data())
    def revoke(self, data):
        if moment := self.draw_moment(data):
            Moment.objects.filter(pk=moment.pk).update(status=Status.REVOKED)

    @rule(data=st.data())
    def delete(self, data):
        if moment := self.draw_moment(data):
            moment.delete()

    @rule()
    def fold(self):
        rollups.fold()

    @invariant()
    def stored_counts_equal_a_recount(self):
        assert rollups.find_differences() == []

    def draw_moment(self, data):
        moments = list(Moment.objects.order_by("pk"))
        return data.draw(st.sampled_from(moments)) if moments else None


@pytest.mark.django_db
def test_counts_are_correct_after_any_writes():
    class InTransaction(Writes):
        def __init__(self):
            super().__init__()
            self.atomic = transaction.atomic()
            self.atomic.__enter__()

        def teardown(self):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    run_state_machine_as_test(
        InTransaction,
        settings=settings(
            max_examples=scale_examples(30),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
