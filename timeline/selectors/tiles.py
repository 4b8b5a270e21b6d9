"""Tiles: fixed intervals of the timeline, each with the counts of all its periods of one level.

A chart of any window of the timeline fetches the tiles that the window
overlaps. There are few tiles and they are the same for everybody, so they can
be cached.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from timeline.core.periods import LAST_YEAR, Level, Period, get_period
from timeline.core.spans import UTC, WINDOW_END, WINDOW_START
from timeline.selectors import rollups
from timeline.selectors.rollups import Tally

YEARS_IN_DECADE = 10
# How many days of hours are one tile; counted from 0001-01-01.
HOUR_TILE_DAYS = 4
# No tile has more periods than a leap year has days.
MAX_PERIODS = 366


@dataclass(frozen=True)
class Tile:
    """The periods of ``level`` that start in ``[start, end)``."""

    level: Level
    start: dt.datetime
    end: dt.datetime

    def get_tallies(self) -> list[tuple[dt.datetime, Tally]]:
        """Return the start and the tally of each period that is not empty, in order.

        Reads a bounded number of stored counts. Hours are not stored: for them
        the database sums the moments of the tile's days.
        """
        if self.level is Level.HOUR:
            return sorted(rollups.get_tallies_by_hour(self.start, self.end).items())
        first = get_period(self.level, self.start).first_day
        last = get_period(self.level, self.end - dt.timedelta(seconds=1)).first_day
        stored = rollups.get_tallies(self.level, first, last)
        return [(Period(self.level, day).starts_at, tally) for day, tally in sorted(stored.items())]


def get_tile(level: Level, instant: dt.datetime) -> Tile:
    """Return the tile of ``level`` that contains ``instant``, which is in the window.

    A tile of centuries is the whole timeline; of years, a century; of months, a
    decade such as 1961 to 1970; of days, a year; of hours, four days.
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
