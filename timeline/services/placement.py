"""Write moments so that no two of them ever occupy the same second.

The database guarantees it with the constraint ``no_overlap_active``. Writers
must not race into that constraint, though: those that meet there wait for each
other in a ring and end in a deadlock. So every writer first locks each day that
its spans touch, in order of date. Then only one writer at a time is at work on
any part of the timeline.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

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
# Each day is one lock, held until the outermost transaction ends. PostgreSQL's lock table has
# room for some thousands of them, shared by all connections.
MAX_DAYS = 400
HOLD_EXPIRED_REASON = "hold expired"
# The first key of our advisory locks. It keeps them apart from those of other programs.
_DAY_LOCKS = 0x4D56
_SERIALIZATION_FAILURE, _DEADLOCK, _LOCK_NOT_AVAILABLE = "40001", "40P01", "55P03"

# What `save_moment` never writes to a stored moment: its state, and what staff decided about it.
_STATE_FIELDS = {
    "status", "status_changed_at", "status_reason", "held_until",
    "hidden_at", "hidden_reason", "visibility_before_hiding",
}  # fmt: skip
_FIELDS_BESIDE_STATE = [
    field.name
    for field in Moment._meta.concrete_fields  # noqa: SLF001  Django's documented API
    if not field.primary_key and field.name not in _STATE_FIELDS
]

P = ParamSpec("P")
R = TypeVar("R")


def retry_on_conflict(write: Callable[P, R]) -> Callable[P, R]:
    """Run the decorated function again after a deadlock or a serialization failure.

    After ``MAX_ATTEMPTS`` attempts TimelineBusy is raised. Inside a transaction
    of the caller the function runs once, because only the whole transaction can
    be repeated. The function must open its transactions itself. It may run more
    than once, so it must not call anybody outside the database.
    """

    @wraps(write)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return write(*args, **kwargs)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return write(*args, **kwargs)
            except OperationalError as error:
                if _sqlstate(error) not in (_SERIALIZATION_FAILURE, _DEADLOCK):
                    raise
                if attempt == MAX_ATTEMPTS:
                    raise TimelineBusy from error
        raise AssertionError("unreachable")

    return wrapper


def save_moment(moment: Moment) -> Moment:
    """Save a moment, new or changed, at its span.

    Of a stored moment everything is saved but its state. Only ``transitions``
    changes a state: it compares before it sets, and a copy that was read
    earlier must not undo that.

    Raises SpanTaken when another moment occupies a part of the span,
    InvalidSpan when the two instants are not a span, and TimelineBusy when its
    days stay locked.
    """
    spans = [moment.span]
    is_new = moment._state.adding  # noqa: SLF001  how Django tells a new row from a stored one
    was_active = False
    if not is_new:
        # The counts of its old days change as well, so those days are locked too.
        stored = Moment.objects.filter(pk=moment.pk)
        for starts_at, ends_at, status in stored.values_list("starts_at", "ends_at", "status"):
            spans.append(Span(starts_at, ends_at))
            was_active = status == Status.ACTIVE
    _save(moment, spans, is_new=is_new, was_active=was_active)
    return moment


@retry_on_conflict
def _save(moment: Moment, spans: list[Span], *, is_new: bool, was_active: bool) -> None:
    affects_pages = was_active or (is_new and moment.status == Status.ACTIVE)
    with lock_spans(spans, affects_pages=affects_pages):
        moment.save(update_fields=None if is_new else _FIELDS_BESIDE_STATE)
        if was_active:
            page_cache.purge()  # the edit may remove something that nobody must see any longer


def delete_moments(moments: MomentQuerySet) -> int:
    """Delete moments and return how many. Their spans are free again.

    Works in batches that together lock at most ``MAX_DAYS`` days, each in a
    transaction of its own. Raises TimelineBusy.
    """
    rows = list(moments.values_list("pk", "starts_at", "ends_at"))
    deleted = 0
    for start in range(0, len(rows), MAX_DAYS // 2):
        batch = rows[start : start + MAX_DAYS // 2]
        with lock_spans(Span(starts_at, ends_at) for _, starts_at, ends_at in batch):
            deleted += (
                Moment.objects.filter(pk__in=[pk for pk, _, _ in batch])
                .delete()[1]
                .get("timeline.Moment", 0)
            )
            page_cache.purge()
    return deleted


@contextmanager
def lock_spans(
    spans: Iterable[Span], *, affects_pages: bool = True, savepoint: bool = True
) -> Iterator[None]:
    """Open a transaction in which moments may be written at ``spans``.

    On entry the days are locked, in order, and expired holds on the spans are
    released. If an error leaves the block, nothing has been written. An overlap
    is raised as SpanTaken, days that stay locked as TimelineBusy.

    ``affects_pages`` is False when the write changes nothing that a page shows
    or counts. Cached pages then stay valid.

    Inside another transaction this is a savepoint. With ``savepoint=False`` it
    saves two round trips, but an error ends the outer transaction too.
    """
    in_order = sorted(spans)
    try:
        with translate_lock_errors(), transaction.atomic(savepoint=savepoint):
            _lock_days({day for span in in_order for day in span.days})
            _release_expired_holds(in_order)
            yield
            if affects_pages:
                page_cache.invalidate(page_cache.TIMELINE)
                # Robust: the moments stay written even if folding the counts fails.
                transaction.on_commit(rollups.fold_if_due, robust=True)
    except IntegrityError as error:
        if is_overlap_error(error):
            raise SpanTaken from error
        raise


def release_expired_holds(spans: Iterable[Span]) -> None:
    """Release the expired holds on ``spans``, in a transaction that locks their days.

    Writers need not call this: ``lock_spans`` does the same. Raises TimelineBusy.
    """
    in_order = sorted(spans)
    with translate_lock_errors(), transaction.atomic():
        _lock_days({day for span in in_order for day in span.days})
        _release_expired_holds(in_order)


def _release_expired_holds(spans: list[Span]) -> None:
    """Release the expired holds on ``spans``, sorted, whose days are locked.

    They keep ``held_until``: ``transitions`` tells by it that a hold has expired.
    """
    if not spans:
        return
    # One query for the stretch from the first to the last span. A hold that expired between
    # them may be released as well.
    start, end = spans[0].starts_at, max(span.ends_at for span in spans)
    Moment.objects.overlapping(start, end).expired_holds().update(
        status=Status.RELEASED, status_changed_at=Now(), status_reason=HOLD_EXPIRED_REASON
    )


def _lock_days(days: set[dt.date]) -> None:
    """Take the advisory locks of ``days``, in order, until the transaction ends.

    SQLite needs none: its transactions begin IMMEDIATE, so it has one writer at a time.
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


def day_lock_keys(days: Iterable[dt.date]) -> tuple[int, list[int]]:
    """Return the keys of the days' advisory locks: the first key, and the second keys in order."""
    return _DAY_LOCKS, sorted(day.toordinal() for day in days)


@contextmanager
def translate_lock_errors() -> Iterator[None]:
    """Raise TimelineBusy when a lock was not free within ``LOCK_TIMEOUT``."""
    try:
        yield
    except OperationalError as error:
        if _sqlstate(error) == _LOCK_NOT_AVAILABLE or "database is locked" in str(error):
            raise TimelineBusy from error
        raise


def is_overlap_error(error: DatabaseError) -> bool:
    """Return whether the database raised an error because two moments would overlap."""
    cause = error.__cause__
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
    return constraint == OVERLAP_CONSTRAINT or OVERLAP_CONSTRAINT in str(error)


def _sqlstate(error: OperationalError) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
