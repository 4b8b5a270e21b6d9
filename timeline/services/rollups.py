"""Fold the counts of days into months, years and centuries, and check them against a recount."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import F

from timeline.core.periods import Level, get_first_day
from timeline.core.spans import UTC
from timeline.models import Moment, RollupDay, Status, Visibility
from timeline.selectors.rollups import EMPTY_TALLY, STORED_LEVELS, Tally, get_tallies, whole_seconds

# Readers add at most about this many unfolded days.
MAX_UNFOLDED_DAYS = 256
FOLD_BATCH_SIZE = 5000
# The key of the advisory lock that a folding process holds.
FOLD_LOCK_ID = 0x4D56F01D


def fold_if_due() -> None:
    """Fold if readers would have to add more than ``MAX_UNFOLDED_DAYS`` days."""
    if RollupDay.objects.filter(dirty=True)[MAX_UNFOLDED_DAYS : MAX_UNFOLDED_DAYS + 1].exists():
        fold()


def fold() -> int:
    """Add the changes of changed days to their months, years and centuries.

    Returns how many days were folded. Days with an open transaction are skipped
    and left for the next fold. Stops if another process is folding.
    """
    folded = 0
    while True:
        with transaction.atomic():
            if not _acquire_fold_lock():
                return folded
            days = list(
                RollupDay.objects.filter(dirty=True)
                .order_by("day")
                .select_for_update(skip_locked=True)[:FOLD_BATCH_SIZE]
            )
            if not days:
                return folded
            _add_to_periods(days)
            RollupDay.objects.filter(day__in=[day.day for day in days]).update(
                folded_moments=F("moments"), folded_seconds=F("seconds"), dirty=False
            )
        folded += len(days)
        if len(days) < FOLD_BATCH_SIZE:
            return folded


def _acquire_fold_lock() -> bool:
    """Return whether this transaction may fold. SQLite needs no lock: it has one writer at a time."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK_ID])
        row = cursor.fetchone()
    return bool(row and row[0])


def _add_to_periods(days: list[RollupDay]) -> None:
    changes: defaultdict[tuple[str, dt.date], Tally] = defaultdict(Tally)
    for day in days:
        change = Tally(day.moments - day.folded_moments, day.seconds - day.folded_seconds)
        for level, stored in STORED_LEVELS.items():
            changes[stored.value, get_first_day(level, day.day)] += change
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO rollup_periods (level, starts_on, moments, seconds) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (level, starts_on) DO UPDATE SET"
            " moments = rollup_periods.moments + excluded.moments,"
            " seconds = rollup_periods.seconds + excluded.seconds",
            [
                (level, day.isoformat(), change.moments, change.seconds)
                for (level, day), change in sorted(changes.items())
            ],
        )


def recount() -> dict[dt.date, Tally]:
    """Count every day from the moments themselves. Reads the whole table."""
    sums: defaultdict[dt.date, Tally] = defaultdict(Tally)
    active = Moment.objects.filter(status=Status.ACTIVE).values_list(
        "starts_at", "ends_at", "visibility"
    )
    for starts_at, ends_at, visibility in active.iterator(chunk_size=10_000):
        day = starts_at.date()
        midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), UTC)
        before = whole_seconds(min(ends_at, midnight) - starts_at)
        after = whole_seconds(ends_at - starts_at) - before
        sums[day] += Tally(int(visibility == Visibility.PUBLIC), before)
        if after:
            sums[midnight.date()] += Tally(0, after)
    return dict(sums)


def find_differences() -> list[str]:
    """Compare the stored counts of every level with a recount and return a line for each difference."""
    with _repeatable_read():
        days = recount()
        stored = {
            level: get_tallies(level, dt.date.min, dt.date.max)
            for level in (Level.DAY, *STORED_LEVELS)
        }
    lines = []
    for level, found in stored.items():
        counted: defaultdict[dt.date, Tally] = defaultdict(Tally)
        for day, tally in days.items():
            counted[get_first_day(level, day)] += tally
        lines += [
            f"{level.value} {day}: stored {found.get(day, EMPTY_TALLY)}, counted {counted[day]}"
            for day in sorted(counted.keys() | found.keys())
            if found.get(day, EMPTY_TALLY) != counted[day]
        ]
    return lines


@contextmanager
def _repeatable_read() -> Iterator[None]:
    """Make all reads see the same snapshot, so that concurrent writes cause no differences."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
