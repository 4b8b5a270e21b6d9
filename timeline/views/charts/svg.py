"""The picture of a stretch of time: bars, what is claimed, what is free, today.

Positions along the time are percentages, so the picture is as wide as its
place and its text keeps its size; heights are in pixels. ``renderer.js`` draws
the same picture, by the same measures, of any window.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from timeline.core.formatting import MONTH_NAMES, format_duration
from timeline.core.periods import Level, Period
from timeline.core.spans import WINDOW_END, WINDOW_START, format_instant
from timeline.models import Moment
from timeline.selectors.availability import (
    Interval,
    free_intervals,
    longest_intervals,
    occupied_intervals,
)
from timeline.selectors.rollups import Tally
from timeline.views.links import claim_url

GAPS_SHOWN = 12
# Labels further right than this, in percent, would be cut off.
LAST_LABEL = 95
_UNITS = {
    Level.CENTURY: "a century",
    Level.YEAR: "a year",
    Level.MONTH: "a month",
    Level.DAY: "a day",
    Level.HOUR: "an hour",
}

Parts = list[tuple[Period, Tally]]


@dataclass(frozen=True)
class Geometry:
    """The chart's vertical measures in pixels, from the top.

    The only place that has them: the template and ``renderer.js`` take them from here.
    """

    height: int = 216
    caption_y: int = 13
    now_top: int = 18
    bars_top: int = 22
    bars_bottom: int = 150
    min_bar_height: int = 3
    track_top: int = 154
    track_height: int = 12
    gaps_top: int = 170
    gaps_height: int = 24
    gap_label_y: int = 186
    ticks_bottom: int = 196
    labels_y: int = 210
    # Horizontal steps of the track that shows what is claimed: finer than a pixel of most screens.
    track_steps: int = 2000

    @property
    def bars_height(self) -> int:
        """Return the height of a full bar."""
        return self.bars_bottom - self.bars_top


GEOMETRY = Geometry()


@dataclass(frozen=True)
class Bar:
    """A link: a period as high as what begins in it, or a moment."""

    url: str
    x: str
    width: str
    y: int
    height: int


@dataclass(frozen=True)
class Gap:
    """A free stretch, with where it is claimed."""

    name: str
    url: str
    x: str
    width: str
    share: float  # of the picture's width

    @property
    def has_room(self) -> bool:
        """Whether its word fits in, where the picture is wide."""
        return self.share > 0.06

    @property
    def has_room_on_phones(self) -> bool:
        """Whether its word fits in, where the picture is narrow."""
        return self.share > 0.2


@dataclass(frozen=True)
class Label:
    """A time under the axis; a minor one goes first where there is little room."""

    text: str
    x: str
    minor: bool


@dataclass(frozen=True)
class Drawing:
    """Everything that the picture shows."""

    stretch: Interval
    bars: list[Bar]
    claimed: str  # the path of the claimed band, in steps of the track
    gaps: list[Gap]
    labels: list[Label]
    present: str  # where today's line is, empty when it is elsewhere
    most: int  # how many moments a bar of full height stands for
    unit: str  # what a bar is: "a year"
    geometry: Geometry = GEOMETRY

    @property
    def starts_iso(self) -> str:
        """Its start for scripts."""
        return format_instant(self.stretch.start)

    @property
    def ends_iso(self) -> str:
        """Its end for scripts."""
        return format_instant(self.stretch.end)

    @property
    def most_words(self) -> str:
        """``200 a year``: what the top of the bars means."""
        return f"{self.most:,} {self.unit}"


def drawing_of_parts(stretch: Interval, parts: Parts, now: dt.datetime) -> Drawing:
    """Draw periods; ``stretch`` is all of them together. Of a day the free gaps are exact.

    Reads nothing but, for a day, what ``openings.taken_between`` reads.
    """
    of_day = parts[0][0].level is Level.HOUR
    gaps = _gaps_in(stretch) if of_day else _free_runs(stretch, parts)
    return Drawing(
        stretch=stretch,
        bars=_bars(stretch, parts),
        claimed=_claimed_by_part(stretch, parts),
        gaps=gaps,
        labels=_labels(stretch, [part for part, _ in parts]),
        present=_present(stretch, now),
        most=_scale(parts),
        unit=_UNITS[parts[0][0].level],
    )


def drawing_of_hour(hour: Period, moments: Iterable[Moment], now: dt.datetime) -> Drawing:
    """Draw one hour: its moments, what of it is taken and what is free, to the second."""
    stretch = Interval(hour.starts_at, hour.ends_at)
    taken, known = occupied_intervals(*stretch)
    return Drawing(
        stretch=stretch,
        bars=[_moment_bar(stretch, moment) for moment in moments],
        claimed="".join(_box(stretch, *span, 1.0) for span in _drawn_together(stretch, taken)),
        gaps=[
            _gap(stretch, gap, _clock_words(gap))
            for gap in longest_intervals(free_intervals(taken, stretch.start, known), GAPS_SHOWN)
        ],
        labels=_minute_labels(stretch),
        present=_present(stretch, now),
        most=0,
        unit="",
    )


def whole_timeline() -> Interval:
    """Return the stretch that all centuries make up."""
    return Interval(WINDOW_START, WINDOW_END)


def _share(stretch: Interval, instant: dt.datetime) -> float:
    """Return where in the stretch an instant is: 0.0 its start, 1.0 its end."""
    return (instant - stretch.start) / (stretch.end - stretch.start)


def _percent(share: float) -> str:
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"


def _across(stretch: Interval, start: dt.datetime, end: dt.datetime) -> tuple[str, str]:
    """Return the position and the width of what lies in the stretch from ``start`` to ``end``."""
    left, right = _share(stretch, max(start, stretch.start)), _share(stretch, min(end, stretch.end))
    return _percent(left), _percent(right - left)


def _bars(stretch: Interval, parts: Parts) -> list[Bar]:
    most = _scale(parts)
    bars = []
    for part, tally in parts:
        height = _height(tally.moments, most)
        x, width = _across(stretch, part.starts_at, part.ends_at)
        bars.append(Bar(part.url, x, width, GEOMETRY.bars_bottom - height, height))
    return bars


def _scale(parts: Parts) -> int:
    """Return 1, 2 or 5 times a power of ten that no count exceeds; 0 when there is nothing.

    Round, so that bars keep their height while a window moves over them.
    """
    most = max(tally.moments for _, tally in parts)
    if most <= 0:
        return 0
    power: int = 10 ** (len(str(most)) - 1)
    return next(power * digit for digit in (1, 2, 5, 10) if most <= power * digit)


def _height(moments: int, most: int) -> int:
    """Return a bar's height by the square root, so that one among thousands is still seen."""
    if moments <= 0:
        return 0
    return max(GEOMETRY.min_bar_height, round(GEOMETRY.bars_height * math.sqrt(moments / most)))


def _moment_bar(stretch: Interval, moment: Moment) -> Bar:
    x, width = _across(stretch, moment.starts_at, moment.ends_at)
    return Bar(moment.get_absolute_url(), x, width, GEOMETRY.bars_top, GEOMETRY.bars_height)


def _claimed_by_part(stretch: Interval, parts: Parts) -> str:
    return "".join(
        _box(stretch, part.starts_at, part.ends_at, tally.claimed_share(*_bounds(part)))
        for part, tally in parts
        if tally.seconds
    )


def _box(stretch: Interval, start: dt.datetime, end: dt.datetime, share: float) -> str:
    """Return a rectangle of the claimed band, as high as the share that is claimed."""
    left = round(GEOMETRY.track_steps * _share(stretch, start))
    right = max(left + 1, round(GEOMETRY.track_steps * _share(stretch, end)))
    top = min(GEOMETRY.track_height - 1, round(GEOMETRY.track_height * (1 - share)))
    return f"M{left} {GEOMETRY.track_height}V{top}H{right}V{GEOMETRY.track_height}z"


def _bounds(period: Period) -> tuple[dt.datetime, dt.datetime]:
    return period.starts_at, period.ends_at


def _drawn_together(stretch: Interval, taken: list[Interval]) -> list[Interval]:
    """Join what no step of the band lies between, so that a busy hour is no longer than a quiet one."""
    joined: list[Interval] = []
    step = 1 / GEOMETRY.track_steps
    for span in taken:
        if joined and _share(stretch, span.start) - _share(stretch, joined[-1].end) < 2 * step:
            joined[-1] = Interval(joined[-1].start, span.end)
        else:
            joined.append(span)
    return joined


def _gaps_in(stretch: Interval) -> list[Gap]:
    taken, known = occupied_intervals(*stretch)
    free = longest_intervals(free_intervals(taken, stretch.start, known), GAPS_SHOWN)
    return [_gap(stretch, gap, _clock_words(gap)) for gap in free]


def _free_runs(stretch: Interval, parts: Parts) -> list[Gap]:
    """Return the longest runs of periods in which nothing is claimed."""
    runs = {}
    for is_free, group in groupby(parts, lambda part: not part[1].seconds):
        periods = [period for period, _ in group]
        if is_free:
            runs[Interval(periods[0].starts_at, periods[-1].ends_at)] = periods
    return [
        _gap(stretch, run, _run_words(runs[run])) for run in longest_intervals(runs, GAPS_SHOWN)
    ]


def _gap(stretch: Interval, gap: Interval, name: str) -> Gap:
    x, width = _across(stretch, *gap)
    share = _share(stretch, gap.end) - _share(stretch, gap.start)
    return Gap(name, claim_url(*gap), x, width, share)


def _run_words(periods: list[Period]) -> str:
    first, last = periods[0].name, periods[-1].name
    return first if first == last else f"{first} to {last}"


def _clock_words(gap: Interval) -> str:
    """``20:18:40 to 21:00:00 (41 min 20 s)``; a day's end is 24:00:00."""
    end = "24:00:00" if gap.end.date() > gap.start.date() else f"{gap.end:%H:%M:%S}"
    return f"{gap.start:%H:%M:%S} to {end} ({format_duration(gap.end - gap.start)})"


def _labels(stretch: Interval, parts: list[Period]) -> list[Label]:
    labels = []
    for part in parts:
        text, minor = _label_of(part)
        share = _share(stretch, part.starts_at)
        if text and 100 * share <= LAST_LABEL:
            labels.append(Label(text, _percent(share), minor))
    return labels


def _label_of(part: Period) -> tuple[str, bool]:
    """Return what stands under a period, nothing under most, and whether it is minor."""
    day = part.first_day
    if part.level is Level.CENTURY:
        return (str(day.year), day.year % 2000 != 1) if day.year % 1000 == 1 else ("", True)
    if part.level is Level.YEAR:
        return (str(day.year), day.year % 20 != 0) if day.year % 10 == 0 else ("", True)
    if part.level is Level.MONTH:
        return MONTH_NAMES[day.month - 1][:3], day.month % 3 != 1
    if part.level is Level.DAY:
        return (str(day.day), day.day % 10 != 0) if day.day % 5 == 0 or day.day == 1 else ("", True)
    return (f"{part.hour:02}:00", part.hour % 6 != 0) if part.hour % 3 == 0 else ("", True)


def _minute_labels(stretch: Interval) -> list[Label]:
    return [
        Label(f"{stretch.start:%H}:{minute:02}", _percent(minute / 60), minute % 20 != 0)
        for minute in range(0, 60, 10)
    ]


def _present(stretch: Interval, now: dt.datetime) -> str:
    # In steps, so that the page of a long period stays the same for a while.
    share = round(_share(stretch, now), 4)
    return _percent(share) if 0 <= share <= 1 else ""
