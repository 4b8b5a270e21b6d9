"""Counts of many periods at once, in tiles: the same few stretches of time for everybody.

What draws a chart of any window of the timeline asks for the tiles that it
touches; as there are not many of them, whoever keeps answers keeps these.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from timeline.core.periods import LAST_YEAR, Level, Period, get_period
from timeline.core.spans import UTC, WINDOW_END, WINDOW_START
from timeline.selectors import rollups
from timeline.selectors.rollups import Tally

YEARS_IN_DECADE = 10
# Days whose hours are one tile; counted from 0001-01-01.
HOUR_TILE_DAYS = 4
# No tile has more periods than a leap year has days.
MAX_PERIODS = 366


@dataclass(frozen=True)
class Tile:
    """The periods of ``level`` that start in ``[start, end)``."""

    level: Level
    start: dt.datetime
    end: dt.datetime

    def tallies(self) -> list[tuple[dt.datetime, Tally]]:
        """Return the start and the tally of each period that holds anything, in order.

        Reads a bounded number of rows of stored counts; for hours, which are
        not stored, the database sums the moments of the tile's days.
        """
        if self.level is Level.HOUR:
            return sorted(rollups.get_tallies_by_hour(self.start, self.end).items())
        first = get_period(self.level, self.start).first_day
        last = get_period(self.level, self.end - dt.timedelta(seconds=1)).first_day
        stored = rollups.get_tallies(self.level, first, last)
        return [(Period(self.level, day).starts_at, tally) for day, tally in sorted(stored.items())]


def get_tile(level: Level, instant: dt.datetime) -> Tile:
    """Return the tile of ``level`` that ``instant``, in the window, lies in.

    Centuries: all of them. Years: a century. Months: a decade, 1961 to 1970.
    Days: a year. Hours: four days.
    """
    start, end = _bounds(level, instant)
    return Tile(level, max(start, WINDOW_START), min(end, WINDOW_END))


def _bounds(level: Level, instant: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    if level is Level.CENTURY:
        return WINDOW_START, WINDOW_END
    if level is Level.HOUR:
        first = (instant.toordinal() - 1) // HOUR_TILE_DAYS * HOUR_TILE_DAYS + 1
        return _midnight(first), _midnight(first + HOUR_TILE_DAYS)
    if level is Level.MONTH:
        first = (instant.year - 1) // YEARS_IN_DECADE * YEARS_IN_DECADE + 1
        return Period.of(first).starts_at, Period.of(
            min(first + YEARS_IN_DECADE - 1, LAST_YEAR)
        ).ends_at
    period = get_period(Level.CENTURY if level is Level.YEAR else Level.YEAR, instant)
    return period.starts_at, period.ends_at


def _midnight(ordinal: int) -> dt.datetime:
    day = dt.date.fromordinal(min(ordinal, WINDOW_END.toordinal()))
    return dt.datetime.combine(day, dt.time(), UTC)
