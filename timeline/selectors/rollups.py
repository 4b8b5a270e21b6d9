"""Counts of moments and claimed seconds by hour, day, month, year and century.

A write only changes the row of its own day, so there is no row that every claim
must lock. Changed days are added ("folded") to the rows of their month, year
and century a little later, by ``services/rollups.py``. Readers add the days that
are not folded yet, so their counts are always exact.
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

# The levels that are folded; days are stored as they are, hours are not stored.
STORED_LEVELS = {
    Level.MONTH: RollupPeriod.Level.MONTH,
    Level.YEAR: RollupPeriod.Level.YEAR,
    Level.CENTURY: RollupPeriod.Level.CENTURY,
}


@dataclass(frozen=True)
class Tally:
    """Public moments that start in a period, and seconds of it that active moments cover."""

    moments: int = 0
    seconds: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.moments + other.moments, self.seconds + other.seconds)

    def claimed_share(self, start: dt.datetime, end: dt.datetime) -> float:
        """Return the share of ``[start, end)`` that is covered, 0.0 to 1.0."""
        return self.seconds / (end - start).total_seconds()


EMPTY_TALLY = Tally()
PeriodTally = tuple[Period, Tally]


def get_tallies(level: Level, first: dt.date, last: dt.date) -> dict[dt.date, Tally]:
    """Return the tallies of the periods of ``level`` that start in ``[first, last]``.

    Keys are the periods' first days; empty periods are left out. It is one
    statement, so that a concurrent fold is seen completely or not at all. The
    rows read are bounded by the number of periods plus ``MAX_UNFOLDED_DAYS``.
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
    """Return the tally of one period."""
    day = period.first_day
    if period.level is Level.HOUR:
        return get_hour_tallies(day).get(period.hour, EMPTY_TALLY)
    return get_tallies(period.level, day, day).get(day, EMPTY_TALLY)


def get_hour_tallies(day: dt.date) -> dict[int, Tally]:
    """Return the tallies of one day's hours, 0 to 23; empty hours are left out."""
    start = dt.datetime.combine(day, dt.time(), UTC)
    hours = get_tallies_by_hour(start, start + dt.timedelta(days=1))
    return {hour.hour: tally for hour, tally in hours.items()}


def get_tallies_by_hour(start: dt.datetime, end: dt.datetime) -> dict[dt.datetime, Tally]:
    """Return the tallies of the hours in ``[start, end)``, which are whole days in UTC, by the hour's start.

    Empty hours are left out. Hours are not stored: the database sums the days'
    moments by the hour in which they start, and returns at most 24 rows a day.
    Moments do not overlap, so only the last moment of an hour can extend beyond
    it; its remaining seconds are added to the following hours here. One more
    row is read for the moment that extends into the first hour.
    """
    active = Moment.objects.filter(status=Status.ACTIVE)
    in_days = active.filter(starts_at__gte=start, starts_at__lt=end)
    by_hour = in_days.annotate(hour=TruncHour("starts_at", tzinfo=UTC)).values_list("hour")
    sums_by_hour = by_hour.order_by("hour").annotate(
        public=Count("pk", filter=Q(visibility=Visibility.PUBLIC)),
        covered=Sum(DurationSeconds("starts_at", "ends_at")),
        last_end=Max("ends_at"),
    )
    tallies: defaultdict[dt.datetime, Tally] = defaultdict(Tally)
    for hour, public, seconds, last_end in sums_by_hour:
        seconds_beyond = max(0, whole_seconds(last_end - hour) - HOUR_SECONDS)
        tallies[hour] += Tally(public, seconds - seconds_beyond)
        _add_seconds(tallies, hour + HOUR, min(end, last_end))
    from_before = active.overlapping(start, start + SECOND).filter(starts_at__lt=start).first()
    if from_before:
        _add_seconds(tallies, start, min(end, from_before.ends_at))
    return dict(tallies)


def _add_seconds(
    tallies: defaultdict[dt.datetime, Tally], hour: dt.datetime, end: dt.datetime
) -> None:
    """Add every second from the start of ``hour`` up to ``end`` to the tallies of its hours."""
    while hour < end:
        tallies[hour] += Tally(0, min(whole_seconds(end - hour), HOUR_SECONDS))
        hour += HOUR


def whole_seconds(duration: dt.timedelta) -> int:
    """Return a duration in seconds, without the fraction."""
    return int(duration.total_seconds())


def get_tally_with_children(period: Period) -> tuple[Tally, list[PeriodTally]]:
    """Return the tally of ``period``, and its children with their tallies. An hour has no children."""
    if period.level is Level.HOUR:
        return get_tally(period), []
    if period.level is Level.DAY:
        hours = get_hour_tallies(period.first_day)
        children = [(child, hours.get(child.hour, EMPTY_TALLY)) for child in period.children]
    else:
        children = _attach_tallies(period.children)
    return sum_tallies(children), children


def get_timeline_tally_with_centuries() -> tuple[Tally, list[PeriodTally]]:
    """Return the tally of the whole timeline, and its centuries with their tallies."""
    centuries = _attach_tallies([Period.century(number) for number in range(1, CENTURIES + 1)])
    return sum_tallies(centuries), centuries


def sum_tallies(periods: Iterable[PeriodTally]) -> Tally:
    """Return the sum of the periods' tallies."""
    return sum((tally for _, tally in periods), start=EMPTY_TALLY)


def _attach_tallies(periods: list[Period]) -> list[PeriodTally]:
    stored = get_tallies(periods[0].level, periods[0].first_day, periods[-1].first_day)
    return [(period, stored.get(period.first_day, EMPTY_TALLY)) for period in periods]
