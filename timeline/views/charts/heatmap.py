"""A period's children as cells, shaded by the number of moments that start in each.

It is the text version of the chart in ``svg.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from timeline.core.periods import Level, Period
from timeline.selectors.rollups import PeriodTally, Tally

DARKEST_SHADE = 5


@dataclass(frozen=True)
class Cell:
    """One period of a heat map."""

    name: str
    url: str
    moments: int
    count: str
    claimed: str  # the claimed share as text, "" if nothing is claimed
    shade: int  # from 0, no moments, to DARKEST_SHADE, the most moments


def build_cells(periods: Iterable[PeriodTally]) -> list[Cell]:
    """Return a cell for each period.

    The shade grows with the square root of the number of moments, relative to
    the period with the most.
    """
    periods = list(periods)
    most = max((tally.moments for _, tally in periods), default=0)
    return [
        Cell(
            name=period.short_name,
            url=period.url,
            moments=tally.moments,
            count=f"{tally.moments:,}",
            claimed=format_claimed_share(period, tally) if tally.seconds else "",
            shade=_get_shade(tally.moments, most),
        )
        for period, tally in periods
    ]


def format_claimed_share(period: Period, tally: Tally) -> str:
    """Return the share of a period that is claimed: ``3.1 %``, ``nothing``, ``less than 0.01 %``."""
    if not tally.seconds:
        return "nothing"
    share = 100 * tally.claimed_share(period.starts_at, period.ends_at)
    if share < 0.01:
        return "less than 0.01 %"
    return f"{share:.2g} %" if share < 10 else f"{math.floor(share)} %"


def weekday_offset(period: Period) -> int:
    """Return the number of empty cells before a month's first day in a calendar that starts on Monday."""
    return period.starts_at.weekday() if period.level is Level.MONTH else 0


def _get_shade(moments: int, most: int) -> int:
    if moments <= 0:
        return 0
    return math.ceil(DARKEST_SHADE * math.sqrt(moments / most))
