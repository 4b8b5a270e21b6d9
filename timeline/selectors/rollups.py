"""Counts by day, month, year and century.

A write changes its own day's row and no other, so there is no row that every
claim must lock. Coarser rows are folded from changed days a moment later; a
reader adds what is not folded yet, so it is exact at any time.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, Max, Q, Sum
from django.db.models.functions import TruncHour

from timeline.core.periods import CENTURIES, Level, Period, get_first_day
from timeline.core.spans import SECOND, UTC
from timeline.db.functions import DurationSeconds
from timeline.models import Moment, RollupDay, RollupPeriod, Status, Visibility

HOUR_SECONDS = 3600
HOUR = dt.timedelta(seconds=HOUR_SECONDS)

STORED_LEVELS = {
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


EMPTY_TALLY = Tally()


def get_tallies(level: Level, first: dt.date, last: dt.date) -> dict[dt.date, Tally]:
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
            level=STORED_LEVELS[level], starts_on__range=(first, last)
        ).values_list("starts_on", "moments", "seconds")
        unfolded = RollupDay.objects.filter(
            dirty=True, day__gte=first, day__lte=Period(level, last).last_day
        ).values_list("day", F("moments") - F("folded_moments"), F("seconds") - F("folded_seconds"))
        rows = folded.union(unfolded, all=True)
    sums: defaultdict[dt.date, Tally] = defaultdict(Tally)
    for day, moments, seconds in rows:
        sums[get_first_day(level, day)] += Tally(moments, seconds)
    return {day: tally for day, tally in sums.items() if tally != EMPTY_TALLY}


def get_tally(period: Period) -> Tally:
    """Return what one period holds."""
    day = period.first_day
    if period.level is Level.HOUR:
        return get_hour_tallies(day).get(period.hour, EMPTY_TALLY)
    return get_tallies(period.level, day, day).get(day, EMPTY_TALLY)


def get_hour_tallies(day: dt.date) -> dict[int, Tally]:
    """Return the tallies of one day's hours, 0 to 23; hours without anything are left out."""
    start = dt.datetime.combine(day, dt.time(), UTC)
    hours = get_tallies_by_hour(start, start + dt.timedelta(days=1))
    return {hour.hour: tally for hour, tally in hours.items()}


def get_tallies_by_hour(start: dt.datetime, end: dt.datetime) -> dict[dt.datetime, Tally]:
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
        covered=Sum(DurationSeconds("starts_at", "ends_at")),
        last_end=Max("ends_at"),
    )
    sums: defaultdict[dt.datetime, Tally] = defaultdict(Tally)
    for hour, public, seconds, last_end in summed:
        beyond = max(0, whole_seconds(last_end - hour) - HOUR_SECONDS)
        sums[hour] += Tally(public, seconds - beyond)
        _add_seconds(sums, hour + HOUR, min(end, last_end))
    from_before = active.overlapping(start, start + SECOND).filter(starts_at__lt=start).first()
    if from_before:
        _add_seconds(sums, start, min(end, from_before.ends_at))
    return dict(sums)


def _add_seconds(
    sums: defaultdict[dt.datetime, Tally], hour: dt.datetime, end: dt.datetime
) -> None:
    """Add seconds without a gap from the beginning of ``hour`` up to ``end``."""
    while hour < end:
        sums[hour] += Tally(0, min(whole_seconds(end - hour), HOUR_SECONDS))
        hour += HOUR


def whole_seconds(length: dt.timedelta) -> int:
    return int(length.total_seconds())


def get_tally_with_children(period: Period) -> tuple[Tally, list[tuple[Period, Tally]]]:
    """Return what ``period`` holds, and the finer periods it consists of with what each holds.

    An hour consists of none.
    """
    if period.level is Level.HOUR:
        return get_tally(period), []
    if period.level is Level.DAY:
        hours = get_hour_tallies(period.first_day)
        parts = [(part, hours.get(part.hour, EMPTY_TALLY)) for part in period.children]
    else:
        parts = _attach_tallies(period.children)
    return _total(parts), parts


def get_timeline_tally_with_centuries() -> tuple[Tally, list[tuple[Period, Tally]]]:
    """Return what the whole timeline holds, and its centuries with what each holds."""
    centuries = _attach_tallies([Period.century(number) for number in range(1, CENTURIES + 1)])
    return _total(centuries), centuries


def _total(parts: list[tuple[Period, Tally]]) -> Tally:
    return sum((tally for _, tally in parts), start=EMPTY_TALLY)


def _attach_tallies(periods: list[Period]) -> list[tuple[Period, Tally]]:
    stored = get_tallies(periods[0].level, periods[0].first_day, periods[-1].first_day)
    return [(period, stored.get(period.first_day, EMPTY_TALLY)) for period in periods]
