"""The parts of a period as cells, shaded by how many moments begin in each: the chart in text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from timeline.core.periods import Level, Period
from timeline.selectors.rollups import Tally

DARKEST_SHADE = 5


@dataclass(frozen=True)
class Cell:
    """One part of a period as the chart shows it."""

    name: str
    url: str
    moments: int
    count: str
    claimed: str  # in words, empty when nothing is
    shade: int  # 0: nothing, to SHADES: as much as the fullest part


def build_cells(parts: Iterable[tuple[Period, Tally]]) -> list[Cell]:
    """Return the cells of some parts; shades are relative to the fullest one, by the square root."""
    parts = list(parts)
    most = max((tally.moments for _, tally in parts), default=0)
    return [
        Cell(
            name=part.short_name,
            url=part.url,
            moments=tally.moments,
            count=f"{tally.moments:,}",
            claimed=format_claimed_share(part, tally) if tally.seconds else "",
            shade=_shade(tally.moments, most),
        )
        for part, tally in parts
    ]


def format_claimed_share(period: Period, tally: Tally) -> str:
    """Return how much of a period active moments cover: ``3.1 %``, ``nothing``, ``less than 0.01 %``."""
    if not tally.seconds:
        return "nothing"
    share = 100 * tally.claimed_share(period.starts_at, period.ends_at)
    if share < 0.01:
        return "less than 0.01 %"
    return f"{share:.2g} %" if share < 10 else f"{math.floor(share)} %"


def weekday_offset(period: Period) -> int:
    """Return how many cells a month's calendar leaves empty before its first day (Monday first)."""
    return period.starts_at.weekday() if period.level is Level.MONTH else 0


def _shade(moments: int, most: int) -> int:
    if moments <= 0:
        return 0
    return math.ceil(DARKEST_SHADE * math.sqrt(moments / most))
