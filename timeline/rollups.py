"""Counts by day, month, year and century.

A write changes its own day's row and no other, so there is no row that every
claim must lock. Coarser rows are folded from changed days a moment later; a
reader adds what is not folded yet, so it is exact at any time.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import TruncHour

from timeline.models import Moment, RollupDay, RollupPeriod, Status, Visibility
from timeline.models.expressions import LengthSeconds
from timeline.periods import CENTURIES, Level, Period, first_day_of
from timeline.spans import SECOND, UTC

# Readers add at most about this many unfolded days.
FOLD_AT = 256
FOLD_BATCH = 5000
HOUR_SECONDS = 3600
HOUR = dt.timedelta(seconds=HOUR_SECONDS)
_FOLD_LOCK = 0x4D56F01D

_STORED = {
    Level.MONTH: RollupPeriod.Level.MONTH,
    Level.YEAR: RollupPeriod.Level.YEAR,
    Level.CENTURY: RollupPeriod.Level.CENTURY,
}


@dataclass(frozen=True)
class Tally:
    """What a period holds: public moments that start in it, and seconds that active ones cover."""

    moments: int = 0
    seconds: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.moments + other.moments, self.seconds + other.seconds)

    def claimed_share(self, start: dt.datetime, end: dt.datetime) -> float:
        """Return which part of ``[start, end)`` is covered, 0.0 to 1.0."""
        return self.seconds / (end - start).total_seconds()


NOTHING = Tally()


def tallies(level: Level, first: dt.date, last: dt.date) -> dict[dt.date, Tally]:
    """Return the tallies of the periods of ``level`` that start in ``[first, last]``.

    Keys are the periods' first days; periods without anything are left out.
    One statement, so a fold that happens meanwhile is seen whole or not at all.
    The rows read are bounded by the number of periods and ``FOLD_AT``.
    """
    rows: Iterable[tuple[dt.date, int, int]]
    if level is Level.DAY:
        rows = RollupDay.objects.filter(day__range=(first, last)).values_list(
            "day", "moments", "seconds"
        )
    else:
        folded = RollupPeriod.objects.filter(
            level=_STORED[level], starts_on__range=(first, last)
        ).values_list("starts_on", "moments", "seconds")
        unfolded = RollupDay.objects.filter(
            dirty=True, day__gte=first, day__lte=Period(level, last).last_day
        ).values_list("day", F("moments") - F("folded_moments"), F("seconds") - F("folded_seconds"))
        rows = folded.union(unfolded, all=True)
    sums: defaultdict[dt.date, Tally] = defaultdict(Tally)
    for day, moments, seconds in rows:
        sums[first_day_of(level, day)] += Tally(moments, seconds)
    return {day: tally for day, tally in sums.items() if tally != NOTHING}


def tally_of(period: Period) -> Tally:
    """Return what one period holds."""
    day = period.first_day
    if period.level is Level.HOUR:
        return hour_tallies(day).get(period.hour, NOTHING)
    return tallies(period.level, day, day).get(day, NOTHING)


def hour_tallies(day: dt.date) -> dict[int, Tally]:
    """Return the tallies of one day's hours, 0 to 23; hours without anything are left out."""
    start = dt.datetime.combine(day, dt.time(), UTC)
    hours = tallies_of_hours(start, start + dt.timedelta(days=1))
    return {hour.hour: tally for hour, tally in hours.items()}


def tallies_of_hours(start: dt.datetime, end: dt.datetime) -> dict[dt.datetime, Tally]:
    """Return the tallies of the hours of ``[start, end)``, whole days in UTC, by the hour's start.

    Hours without anything are left out. They are not stored: the database sums
    the days' moments, and here 24 rows a day and one more are shared out. Of an
    hour's moments only the last can reach past the hour.
    """
    active = Moment.objects.filter(status=Status.ACTIVE)
    of_days = active.filter(starts_at__gte=start, starts_at__lt=end)
    by_hour = of_days.annotate(hour=TruncHour("starts_at", tzinfo=UTC)).values_list("hour")
    summed = by_hour.order_by("hour").annotate(
        public=Count("pk", filter=Q(visibility=Visibility.PUBLIC)),
        covered=Sum(LengthSeconds("starts_at", "ends_at")),
        last_end=Max("ends_at"),
    )
    sums: defaultdict[dt.datetime, Tally] = defaultdict(Tally)
    for hour, public, seconds, last_end in summed:
        beyond = max(0, _seconds(last_end - hour) - HOUR_SECONDS)
        sums[hour] += Tally(public, seconds - beyond)
        _cover(sums, hour + HOUR, min(end, last_end))
    from_before = active.touching(start, start + SECOND).filter(starts_at__lt=start).first()
    if from_before:
        _cover(sums, start, min(end, from_before.ends_at))
    return dict(sums)


def _cover(sums: defaultdict[dt.datetime, Tally], hour: dt.datetime, end: dt.datetime) -> None:
    """Add seconds without a gap from the beginning of ``hour`` up to ``end``."""
    while hour < end:
        sums[hour] += Tally(0, min(_seconds(end - hour), HOUR_SECONDS))
        hour += HOUR


def _seconds(length: dt.timedelta) -> int:
    return int(length.total_seconds())


def tallied(period: Period) -> tuple[Tally, list[tuple[Period, Tally]]]:
    """Return what ``period`` holds, and the finer periods it consists of with what each holds.

    An hour consists of none.
    """
    if period.level is Level.HOUR:
        return tally_of(period), []
    if period.level is Level.DAY:
        hours = hour_tallies(period.first_day)
        parts = [(part, hours.get(part.hour, NOTHING)) for part in period.parts]
    else:
        parts = _with_tallies(period.parts)
    return _sum(parts), parts


def tallied_timeline() -> tuple[Tally, list[tuple[Period, Tally]]]:
    """Return what the whole timeline holds, and its centuries with what each holds."""
    centuries = _with_tallies([Period.century(number) for number in range(1, CENTURIES + 1)])
    return _sum(centuries), centuries


def _sum(parts: list[tuple[Period, Tally]]) -> Tally:
    return sum((tally for _, tally in parts), start=NOTHING)


def _with_tallies(periods: list[Period]) -> list[tuple[Period, Tally]]:
    stored = tallies(periods[0].level, periods[0].first_day, periods[-1].first_day)
    return [(period, stored.get(period.first_day, NOTHING)) for period in periods]


def fold_if_due() -> None:
    """Fold when readers would have to add too many unfolded days."""
    if RollupDay.objects.filter(dirty=True)[FOLD_AT : FOLD_AT + 1].exists():
        fold()


def fold() -> int:
    """Add the changes of changed days to their months, years and centuries.

    Returns how many days were folded. Days whose writers have not committed
    are left for the next fold, and so is everything while another process folds.
    """
    folded = 0
    while True:
        with transaction.atomic():
            if not _may_fold():
                return folded
            days = list(
                RollupDay.objects.filter(dirty=True)
                .order_by("day")
                .select_for_update(skip_locked=True)[:FOLD_BATCH]
            )
            if not days:
                return folded
            _add_to_periods(days)
            RollupDay.objects.filter(day__in=[day.day for day in days]).update(
                folded_moments=F("moments"), folded_seconds=F("seconds"), dirty=False
            )
        folded += len(days)
        if len(days) < FOLD_BATCH:
            return folded


def _may_fold() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_FOLD_LOCK])
        row = cursor.fetchone()
    return bool(row and row[0])


def _add_to_periods(days: list[RollupDay]) -> None:
    changes: defaultdict[tuple[str, dt.date], Tally] = defaultdict(Tally)
    for day in days:
        change = Tally(day.moments - day.folded_moments, day.seconds - day.folded_seconds)
        for level, stored in _STORED.items():
            changes[stored.value, first_day_of(level, day.day)] += change
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
    """Count every day anew from the moments themselves. Reads the whole table."""
    sums: defaultdict[dt.date, Tally] = defaultdict(Tally)
    active = Moment.objects.filter(status=Status.ACTIVE).values_list(
        "starts_at", "ends_at", "visibility"
    )
    for starts_at, ends_at, visibility in active.iterator(chunk_size=10_000):
        day = starts_at.date()
        midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), UTC)
        before = _seconds(min(ends_at, midnight) - starts_at)
        after = _seconds(ends_at - starts_at) - before
        sums[day] += Tally(int(visibility == Visibility.PUBLIC), before)
        if after:
            sums[midnight.date()] += Tally(0, after)
    return dict(sums)


def differences() -> list[str]:
    """Compare what is stored at every level to a recount; return a line for each difference."""
    with _one_snapshot():
        days = recount()
        stored = {
            level: tallies(level, dt.date.min, dt.date.max) for level in (Level.DAY, *_STORED)
        }
    lines = []
    for level, found in stored.items():
        counted: defaultdict[dt.date, Tally] = defaultdict(Tally)
        for day, tally in days.items():
            counted[first_day_of(level, day)] += tally
        lines += [
            f"{level.value} {day}: stored {found.get(day, NOTHING)}, counted {counted[day]}"
            for day in sorted(counted.keys() | found.keys())
            if found.get(day, NOTHING) != counted[day]
        ]
    return lines


@contextmanager
def _one_snapshot() -> Iterator[None]:
    """Let all reads see one state, so that writers who go on meanwhile make no difference."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
