"""Centuries, years, months, days and hours: their bounds, neighbours, children and URLs.

The calendar is the proleptic Gregorian calendar in UTC. There is no year 0: the
1st century is the years 1 to 100, and the 20th is 1901 to 2000.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from timeline.core.formatting import MONTH_NAMES, format_day, format_ordinal
from timeline.core.spans import UTC, WINDOW_END, WINDOW_MESSAGE, WINDOW_START

FIRST_YEAR, LAST_YEAR = 1, 9999
FIRST_DAY = WINDOW_START.date()
LAST_DAY = (WINDOW_END - dt.timedelta(days=1)).date()
CENTURIES = 100


class Level(Enum):
    """The kind of a period, from the longest to the shortest."""

    CENTURY = "century"
    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"


_FINER = {
    Level.CENTURY: Level.YEAR,
    Level.YEAR: Level.MONTH,
    Level.MONTH: Level.DAY,
    Level.DAY: Level.HOUR,
}
_COARSER = {finer: coarser for coarser, finer in _FINER.items()}


class NoSuchPeriod(ValueError):
    """The numbers do not describe a period of the timeline."""


@dataclass(frozen=True)
class Period:
    """One period, identified by its level, its first day and, for an hour, the hour.

    ``first_day`` follows the calendar: the first century begins on 0001-01-01,
    although no moment can start before 0001-01-02.
    """

    level: Level
    first_day: dt.date
    hour: int = 0

    @classmethod
    def of(
        cls, year: int, month: int | None = None, day: int | None = None, hour: int | None = None
    ) -> Period:
        """Return the year, month, day or hour with these numbers. Raises NoSuchPeriod."""
        try:
            first_day = dt.date(year, 1 if month is None else month, 1 if day is None else day)
        except ValueError:
            raise NoSuchPeriod("There is no such date.") from None
        if month is None:
            return cls(Level.YEAR, first_day)
        if day is None:
            return cls(Level.MONTH, first_day)
        if not FIRST_DAY <= first_day <= LAST_DAY:
            raise NoSuchPeriod(WINDOW_MESSAGE)
        if hour is None:
            return cls(Level.DAY, first_day)
        if not 0 <= hour <= 23:
            raise NoSuchPeriod("A day's hours are 00 to 23.")
        return cls(Level.HOUR, first_day, hour)

    @classmethod
    def century(cls, number: int) -> Period:
        """Return the ``number``-th century, 1 to 100. Raises NoSuchPeriod."""
        if not 1 <= number <= CENTURIES:
            raise NoSuchPeriod("The timeline has the 1st to the 100th century.")
        return cls(Level.CENTURY, dt.date(number * 100 - 99, 1, 1))

    @property
    def starts_at(self) -> dt.datetime:
        """The first instant of the period, and not before the window's start."""
        start = dt.datetime.combine(self.first_day, dt.time(self.hour), UTC)
        return max(start, WINDOW_START)

    @property
    def ends_at(self) -> dt.datetime:
        """The first instant after the period, and not after the window's end."""
        if self.level is Level.HOUR:
            start = dt.datetime.combine(self.first_day, dt.time(self.hour), UTC)
            return start + dt.timedelta(hours=1)
        last_midnight = dt.datetime.combine(min(self.last_day, LAST_DAY), dt.time(), UTC)
        return last_midnight + dt.timedelta(days=1)

    @property
    def last_day(self) -> dt.date:
        """The last day of the period, following the calendar."""
        year, month = self.first_day.year, self.first_day.month
        if self.level is Level.CENTURY:
            return dt.date(min(year + 99, LAST_YEAR), 12, 31)
        if self.level is Level.YEAR:
            return dt.date(year, 12, 31)
        if self.level is Level.MONTH:
            return dt.date(year, month, calendar.monthrange(year, month)[1])
        return self.first_day

    @cached_property
    def name(self) -> str:
        """``20th century``, ``1969``, ``July 1969``, ``20 July 1969``, ``20 July 1969, 20:00–20:59``."""
        day = self.first_day
        if self.level is Level.CENTURY:
            return f"{format_ordinal(self.century_number)} century"
        if self.level is Level.YEAR:
            return str(day.year)
        if self.level is Level.MONTH:
            return f"{MONTH_NAMES[day.month - 1]} {day.year}"
        if self.level is Level.DAY:
            return format_day(day)
        return f"{format_day(day)}, {self.hour:02}:00\u2013{self.hour:02}:59"

    @property
    def short_name(self) -> str:
        """The name next to its siblings: ``1969``, ``July``, ``20``, ``20:00``."""
        if self.level is Level.MONTH:
            return MONTH_NAMES[self.first_day.month - 1]
        if self.level is Level.DAY:
            return str(self.first_day.day)
        if self.level is Level.HOUR:
            return f"{self.hour:02}:00"
        return self.name

    @property
    def century_number(self) -> int:
        """The number of the century that contains the period, 1 to 100."""
        return (self.first_day.year + 99) // 100

    @property
    def url(self) -> str:
        """The URL of the period's page."""
        day = self.first_day
        if self.level is Level.CENTURY:
            return f"/timeline/centuries/{self.century_number}/"
        path = f"/timeline/{day.year:04}/"
        if self.level is Level.YEAR:
            return path
        path += f"{day.month:02}/"
        if self.level is Level.MONTH:
            return path
        path += f"{day.day:02}/"
        return path if self.level is Level.DAY else f"{path}{self.hour:02}/"

    @property
    def previous(self) -> Period | None:
        """The period before, or None at the start of the timeline."""
        return (
            get_period(self.level, self.starts_at - dt.timedelta(seconds=1))
            if self.starts_at > WINDOW_START
            else None
        )

    @property
    def next(self) -> Period | None:
        """The period after, or None at the end of the timeline."""
        return get_period(self.level, self.ends_at) if self.ends_at < WINDOW_END else None

    @property
    def parent(self) -> Period | None:
        """The next longer period that contains it, or None for a century."""
        coarser = _COARSER.get(self.level)
        return get_period(coarser, self.starts_at) if coarser else None

    @property
    def ancestors(self) -> list[Period]:
        """The longer periods that contain it, the century first."""
        parent = self.parent
        return [*parent.ancestors, parent] if parent else []

    @property
    def children(self) -> list[Period]:
        """The next shorter periods that it contains, in order. An hour has none."""
        level = _FINER.get(self.level)
        if level is None:
            return []
        children = [get_period(level, self.starts_at)]
        while (following := children[-1].next) and following.starts_at < self.ends_at:
            children.append(following)
        return children


def get_period(level: Level, instant: dt.datetime) -> Period:
    """Return the period of ``level`` that contains ``instant``, which is in UTC and in the window."""
    hour = instant.hour if level is Level.HOUR else 0
    return Period(level, get_first_day(level, instant.date()), hour)


def get_first_day(level: Level, day: dt.date) -> dt.date:
    """Return the first day of the period of ``level`` that contains ``day``. An hour starts on its day."""
    if level is Level.CENTURY:
        return dt.date((day.year - 1) // 100 * 100 + 1, 1, 1)
    if level is Level.YEAR:
        return dt.date(day.year, 1, 1)
    if level is Level.MONTH:
        return day.replace(day=1)
    return day
