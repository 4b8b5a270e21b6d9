"""The one way to write moments, so that no two live ones ever overlap.

The referee is the database's rule ``no_overlap_active``. Racing into it is
what must be avoided: writers that meet in the exclusion constraint wait for
each other in rings and end in deadlock. So every writer first takes a lock for
each day it touches, in order; then there is at most one at a time at any spot.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models.functions import Now

from momentverse import page_cache
from timeline.core.exceptions import SpanTaken, TimelineBusy
from timeline.core.spans import Span
from timeline.db.sql.moments import OVERLAP_CONSTRAINT
from timeline.models import Moment, MomentQuerySet, Status
from timeline.services import rollups

LOCK_TIMEOUT = "5s"
MAX_ATTEMPTS = 3
# One lock a day, until the outermost transaction ends: PostgreSQL's shared lock table has some
# thousands of places for everybody.
MAX_DAYS = 400
HOLD_EXPIRED_REASON = "hold lapsed"
BUSY_WORDS = "Many people are writing here. Try again in a moment."
# First key of our advisory locks, so that they cannot meet anybody else's.
_DAY_LOCKS = 0x4D56
_SERIALIZATION_FAILURE, _DEADLOCK, _LOCK_NOT_AVAILABLE = "40001", "40P01", "55P03"

# What `place` saves of a stored moment: neither its state nor what staff has decided of it.
_STATE = {
    "status", "status_changed_at", "status_reason", "held_until",
    "hidden_at", "hidden_reason", "visibility_before_hiding",
}  # fmt: skip
_BESIDES_STATE = [
    field.name
    for field in Moment._meta.concrete_fields  # noqa: SLF001  Django's documented API
    if not field.primary_key and field.name not in _STATE
]

Result = TypeVar("Result")


def save_moment(moment: Moment) -> Moment:
    """Save a moment, new or changed, at its span.

    Of a stored moment everything is saved but its state: that is ``lifecycle``'s,
    which compares before it sets, and a copy read earlier must not undo it.
    Raises SpanTaken when a part of the span belongs to another live moment,
    InvalidSpan when it is no span, TimelineBusy when its days stay locked.
    """
    spans = [moment.span]
    is_new = moment._state.adding  # noqa: SLF001  how Django tells a new row from a stored one
    was_shown = False
    if not is_new:
        # Its old days change too: their counts are written, so their locks are taken.
        stored = Moment.objects.filter(pk=moment.pk)
        for starts_at, ends_at, status in stored.values_list("starts_at", "ends_at", "status"):
            spans.append(Span(starts_at, ends_at))
            was_shown = status == Status.ACTIVE
    is_shown = was_shown or (is_new and moment.status == Status.ACTIVE)

    def save() -> Moment:
        with lock_spans(spans, shown=is_shown):
            moment.save(update_fields=None if is_new else _BESIDES_STATE)
            if was_shown:
                page_cache.purge()  # what it showed before may be what was to go
        return moment

    return retrying(save)


@contextmanager
def lock_spans(
    spans: Iterable[Span], *, shown: bool = True, savepoint: bool = True
) -> Iterator[None]:
    """Open a transaction in which moments may be written at ``spans``.

    ``shown`` is False when nothing that a page shows or counts can change by
    it: kept pages stay good then.

    On entry the days are locked, in order, and lapsed holds on the spans are
    released. On exit an overlap is raised as SpanTaken, locked days as
    TimelineBusy, and nothing has been written. Inside another transaction it
    is a savepoint; without one, what fails ends the other transaction too.
    """
    wanted = sorted(spans)
    try:
        with translate_lock_errors(), transaction.atomic(savepoint=savepoint):
            _lock_days({day for span in wanted for day in span.days})
            _release_lapsed_holds(wanted)
            yield
            if shown:
                page_cache.invalidate(page_cache.TIMELINE)
                # Robust: what is written stays written, whatever becomes of the fold.
                transaction.on_commit(rollups.fold_if_due, robust=True)
    except IntegrityError as error:
        if is_overlap_error(error):
            raise SpanTaken from error
        raise


@contextmanager
def translate_lock_errors() -> Iterator[None]:
    """Raise as TimelineBusy that somebody else has kept the locked days too long."""
    try:
        yield
    except OperationalError as error:
        if _is_locked(error):
            raise TimelineBusy(BUSY_WORDS) from error
        raise


def delete_moments(moments: MomentQuerySet) -> int:
    """Delete moments and return how many; their spans are free again."""
    doomed = list(moments.values_list("pk", "starts_at", "ends_at"))
    removed = 0
    for start in range(0, len(doomed), MAX_DAYS // 2):
        batch = doomed[start : start + MAX_DAYS // 2]
        with lock_spans(Span(starts_at, ends_at) for _, starts_at, ends_at in batch):
            removed += (
                Moment.objects.filter(pk__in=[pk for pk, _, _ in batch])
                .delete()[1]
                .get("timeline.Moment", 0)
            )
            page_cache.purge()
    return removed


def is_overlap_error(error: DatabaseError) -> bool:
    """Tell whether an error is the database's no-overlap rule speaking."""
    cause = error.__cause__
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return constraint == OVERLAP_CONSTRAINT or OVERLAP_CONSTRAINT in str(error)


def day_lock_keys(days: Iterable[dt.date]) -> tuple[int, list[int]]:
    """Return the advisory locks of some days as PostgreSQL takes them, in order: first key, second keys."""
    return _DAY_LOCKS, sorted(day.toordinal() for day in days)


def _lock_days(days: set[dt.date]) -> None:
    """Take the advisory locks of ``days`` until the transaction ends.

    SQLite needs none: its transactions begin IMMEDIATE, one writer at a time.
    """
    if len(days) > MAX_DAYS:
        raise ValueError(f"at most {MAX_DAYS} days can be written at once, not {len(days)}")
    if connection.vendor != "postgresql" or not days:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock(%s, day)"
            " FROM unnest(%s::integer[]) AS day",
            [LOCK_TIMEOUT, *day_lock_keys(days)],
        )


def _release_lapsed_holds(spans: list[Span]) -> None:
    """Free what was held past its time, by the database's clock."""
    if not spans:
        return
    # For many spans their hull will do: what lapsed between them may be freed as well.
    start, end = spans[0].starts_at, max(span.ends_at for span in spans)
    Moment.objects.overlapping(start, end).filter(status=Status.HELD, held_until__lte=Now()).update(
        status=Status.RELEASED, status_changed_at=Now(), status_reason=HOLD_EXPIRED_REASON
    )


def _is_locked(error: OperationalError) -> bool:
    """Tell whether somebody else holds what was waited for."""
    return _sqlstate(error) == _LOCK_NOT_AVAILABLE or "database is locked" in str(error)


def _sqlstate(error: OperationalError) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def retrying(write: Callable[[], Result]) -> Result:
    """Run a write again when the database asks for that; raise TimelineBusy when it goes on asking.

    As part of a larger transaction it is run once: only the whole can be run again.
    """
    if connection.in_atomic_block:
        return write()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return write()
        except OperationalError as error:
            if _sqlstate(error) not in (_SERIALIZATION_FAILURE, _DEADLOCK):
                raise
            if attempt == MAX_ATTEMPTS:
                raise TimelineBusy(BUSY_WORDS) from error
    raise AssertionError("unreachable")
