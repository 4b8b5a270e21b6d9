"""No two occupying moments overlap: the database's constraint, and the functions of all writers."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import scale_examples
from tests.support.strategies import any_spans, crowded_spans, overlap
from timeline.core.exceptions import InvalidSpan, SpanTaken
from timeline.core.spans import Span, parse_instant
from timeline.models import Moment, MomentTag, Status, Tag
from timeline.selectors.availability import find_conflict
from timeline.services import rollups
from timeline.services.placement import (
    MAX_DAYS,
    delete_moments,
    is_overlap_error,
    lock_spans,
    retry_on_conflict,
    save_moment,
)
from timeline.services.transitions import revoke

per_example = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(60)
)


def build_moment(owner, span, **fields):
    fields = {"user": owner, "title": "x", "status": Status.ACTIVE} | fields
    return Moment(starts_at=span.starts_at, ends_at=span.ends_at, **fields)


def test_it_works(make_moment):
    moment = make_moment("1969-07-20T20:17:40Z", 60)
    assert Moment.objects.get() == moment


def test_overlap_is_refused(make_moment):
    make_moment("1969-07-20T20:17:40Z", 60)
    with pytest.raises(SpanTaken, match="taken"):
        make_moment("1969-07-20T20:18:39Z", 60)
    assert Moment.objects.count() == 1


def test_touching_spans_are_allowed(make_moment):
    """Edge case 5: [10:00, 11:00) and [11:00, 12:00) are both accepted."""
    make_moment("2020-01-01T10:00:00Z", 3600)
    make_moment("2020-01-01T11:00:00Z", 3600)
    make_moment("2020-01-01T09:00:00Z", 3600)
    assert Moment.objects.count() == 3


@pytest.mark.parametrize("status", [Status.HELD, Status.PAYING, Status.ACTIVE])
def test_span_is_taken_in_occupying_states(make_moment, status):
    later = timezone.now() + dt.timedelta(hours=1)
    make_moment("2020-01-01", 60, status=status, held_until=later)
    with pytest.raises(SpanTaken):
        make_moment("2020-01-01", 1)


@pytest.mark.parametrize("status", [Status.REVOKED, Status.RELEASED])
def test_span_is_free_in_other_states(make_moment, status):
    make_moment("2020-01-01", 60, status=status)
    make_moment("2020-01-01", 60, status=status)
    assert make_moment("2020-01-01", 60).pk


def test_released_moment_cannot_become_active_over_another(make_moment):
    gone = make_moment("2020-01-01", 60, status=Status.RELEASED)
    make_moment("2020-01-01", 60)
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Moment.objects.filter(pk=gone.pk).update(status=Status.ACTIVE)
    assert is_overlap_error(caught.value)


def test_stale_copy_does_not_undo_a_revocation(make_moment):
    """Only transitions change a state: an edit that began before a revocation must not undo it."""
    moment = make_moment("2020-01-01", 60)
    copy = Moment.objects.get()
    revoke(moment, "taken down")
    copy.title = "Edited meanwhile"
    save_moment(copy)
    moment.refresh_from_db()
    assert (moment.title, moment.status) == ("Edited meanwhile", Status.REVOKED)
    assert moment.status_reason == "taken down"


@pytest.mark.django_db(transaction=True)
def test_moment_stays_written_when_folding_fails(make_moment, monkeypatch):
    def failing():
        raise OperationalError("database is locked")

    monkeypatch.setattr(rollups, "fold_if_due", failing)
    assert make_moment("2020-01-01", 60).pk
    assert Moment.objects.count() == 1


def test_expired_hold_is_released_by_the_next_write(make_moment):
    """Edge case 9, edge case 30: it is free at once, by the database's clock."""
    past = timezone.now() - dt.timedelta(seconds=5)
    expired = make_moment("2020-01-01", 60, status=Status.HELD, held_until=past)
    assert make_moment("2020-01-01T00:00:30Z", 60).pk
    expired.refresh_from_db()
    assert expired.status == Status.RELEASED
    assert expired.status_reason == "hold expired"


def test_expired_hold_stays_when_the_write_fails(make_moment):
    past = timezone.now() - dt.timedelta(seconds=5)
    expired = make_moment("2020-01-01T00:00:00Z", 60, status=Status.HELD, held_until=past)
    make_moment("2020-01-01T00:01:00Z", 60)
    with pytest.raises(SpanTaken):
        make_moment("2020-01-01T00:00:30Z", 60)
    expired.refresh_from_db()
    assert expired.status == Status.HELD


def test_move_onto_another_moment_is_refused(make_moment):
    make_moment("2020-01-01T00:00:00Z", 60)
    moving = make_moment("2020-01-02T00:00:00Z", 60)
    moving.starts_at, moving.ends_at = (
        parse_instant("2020-01-01T00:00:59Z"),
        parse_instant("2020-01-01T00:02:00Z"),
    )
    with pytest.raises(SpanTaken):
        save_moment(moving)
    moving.refresh_from_db()
    assert moving.starts_at == parse_instant("2020-01-02")


def test_moment_may_move_within_its_own_span(make_moment):
    moment = make_moment("2020-01-01T00:00:00Z", 60)
    moment.ends_at += dt.timedelta(seconds=30)
    assert save_moment(moment).span.ends_at == parse_instant("2020-01-01T00:01:30Z")


def test_move_updates_the_times_of_its_tags(make_moment):
    moment = make_moment("2020-01-01")
    MomentTag.objects.create(moment=moment, tag=Tag.objects.create(name="moon"))
    moment.starts_at, moment.ends_at = (
        parse_instant("2021-01-01"),
        parse_instant("2021-01-01T00:01"),
    )
    save_moment(moment)
    assert MomentTag.objects.get().starts_at == parse_instant("2021-01-01")


def test_invalid_span_is_refused_without_a_query(make_moment, django_assert_num_queries):
    with django_assert_num_queries(0), pytest.raises(InvalidSpan):
        make_moment("2020-01-01", 0)


def test_deletion_frees_the_span(make_moment):
    make_moment("2020-01-01T00:00:00Z", 60)
    make_moment("2020-01-01T00:01:00Z", 60)
    assert delete_moments(Moment.objects.all()) == 2
    assert make_moment("2020-01-01T00:00:30Z", 60).pk


def test_refused_overlap_leaves_the_callers_transaction_usable(make_moment):
    make_moment("2020-01-01", 60)
    with transaction.atomic():
        with pytest.raises(SpanTaken):
            make_moment("2020-01-01", 60)
        make_moment("2020-01-02", 60)
    assert Moment.objects.count() == 2


def test_other_integrity_errors_are_not_overlaps(make_moment):
    with pytest.raises(IntegrityError) as caught:
        make_moment("2020-01-01", title="")
    assert not is_overlap_error(caught.value)


def test_too_many_days_at_once_are_refused(db):
    start = parse_instant("2000-01-01")
    spans = [
        Span(start + dt.timedelta(days=n), start + dt.timedelta(days=n, seconds=1))
        for n in range(MAX_DAYS + 1)
    ]
    with pytest.raises(ValueError, match="at most"), lock_spans(spans):
        pass


def test_conflict_is_the_occupying_moment(make_moment):
    moment = make_moment("2020-01-01T00:00:00Z", 60)
    assert find_conflict(moment.span) == moment
    assert find_conflict(moment.span, exclude_pk=moment.pk) is None
    assert find_conflict(Span(moment.ends_at, moment.ends_at + dt.timedelta(seconds=1))) is None


@pytest.mark.parametrize("insert", ["INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE"])
def test_raw_insert_cannot_overlap(make_moment, owner, insert):
    """The constraint applies to every writer, not only to ours."""
    if "OR" in insert and connection.vendor != "sqlite":
        pytest.skip("SQL that only SQLite knows")
    moment = make_moment("2020-01-01", 60)
    columns = ", ".join(f.column for f in Moment._meta.concrete_fields)
    copied = ", ".join(
        "id + 1" if f.primary_key else f.column for f in Moment._meta.concrete_fields
    )
    with (
        pytest.raises(IntegrityError) as caught,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"{insert} INTO moments ({columns}) SELECT {copied} FROM moments")
    assert is_overlap_error(caught.value)
    assert Moment.objects.get() == moment


def test_bulk_writes_cannot_overlap(make_moment, owner):
    moment = make_moment("2020-01-01", 60)
    with pytest.raises(IntegrityError), transaction.atomic():
        Moment.objects.bulk_create([build_moment(owner, moment.span)])
    other = make_moment("2020-01-02", 60)
    with pytest.raises(IntegrityError), transaction.atomic():
        Moment.objects.filter(pk=other.pk).update(
            starts_at=moment.starts_at, ends_at=moment.ends_at
        )


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("moment_ends_after_start", {"ends_at": parse_instant("2020-01-01")}),
        ("moment_ends_after_start", {"ends_at": parse_instant("2019-12-31")}),
        ("moment_at_most_24_hours", {"ends_at": parse_instant("2020-01-02T00:00:01Z")}),
        ("moment_whole_seconds", {"starts_at": parse_instant("2020-01-01").replace(microsecond=1)}),
        ("moment_in_window", {"starts_at": parse_instant("0001-01-01T23:59:59Z"),
                              "ends_at": parse_instant("0001-01-02T00:00:01Z")}),
        ("moment_in_window", {"starts_at": parse_instant("9999-12-30T23:59:59Z"),
                              "ends_at": parse_instant("9999-12-31T00:00:01Z")}),
        ("moment_status_known", {"status": "lost"}),
        ("moment_visibility_known", {"visibility": "secret"}),
        ("moment_hold_has_an_end", {"status": "held"}),
        ("moment_has_a_title", {"title": ""}),
    ],
)  # fmt: skip
def test_check_constraint_refuses(owner, name, fields):
    """Edge case 5 and edge case 6: behind each check of the forms, the database has its own."""
    span = Span(parse_instant("2020-01-01"), parse_instant("2020-01-01T00:01"))
    moment = build_moment(owner, span)
    for field, value in fields.items():
        setattr(moment, field, value)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        moment.save()


@per_example
@given(spans=st.lists(crowded_spans(), min_size=1, max_size=25))
def test_any_spans_in_any_order_stay_disjoint(owner, spans):
    """The oracle: a span is saved exactly if it overlaps none that was saved before."""
    with transaction.atomic():
        saved: list[Span] = []
        for span in spans:
            if any(overlap(span, other) for other in saved):
                with pytest.raises(SpanTaken):
                    save_moment(build_moment(owner, span))
            else:
                save_moment(build_moment(owner, span))
                saved.append(span)
        stored = [moment.span for moment in Moment.objects.occupying().order_by("starts_at")]
        assert stored == sorted(saved)
        transaction.set_rollback(True)


@per_example
@given(span=any_spans())
def test_every_span_of_the_window_can_be_saved_and_read(owner, span):
    """Edge case 6: this includes both ends of the timeline."""
    with transaction.atomic():
        moment = save_moment(build_moment(owner, span))
        stored = Moment.objects.overlapping(span.starts_at, span.ends_at).get(pk=moment.pk)
        assert stored.span == span
        assert stored.when
        assert stored.get_absolute_url()
        transaction.set_rollback(True)


def test_conflict_inside_a_transaction_is_not_retried(db):
    """Fault 30: only the caller can repeat the whole transaction."""
    attempts = []

    @retry_on_conflict
    def write():
        attempts.append(1)
        cause = Exception()
        cause.sqlstate = "40P01"
        raise OperationalError("injected") from cause

    with transaction.atomic(), pytest.raises(OperationalError):
        write()
    assert len(attempts) == 1
