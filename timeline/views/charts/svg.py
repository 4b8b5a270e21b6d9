"""The SVG chart of an interval: bars of moments, the claimed time, the free gaps, and the present.

Horizontal positions are percentages, so that the chart fills the available
width while its text keeps its size. Vertical positions are pixels.
``renderer.js`` draws the same chart, with the same measures, of any window.
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
from timeline.selectors.rollups import PeriodTally
from timeline.views.links import claim_url

MAX_GAPS = 12
# A label further to the right, in percent of the width, would be clipped.
MAX_LABEL_POSITION = 95
_UNITS = {
    Level.CENTURY: "a century",
    Level.YEAR: "a year",
    Level.MONTH: "a month",
    Level.DAY: "a day",
    Level.HOUR: "an hour",
}
WHOLE_TIMELINE = Interval(WINDOW_START, WINDOW_END)


@dataclass(frozen=True)
class Geometry:
    """The chart's vertical measures in pixels, from the top.

    They are only defined here. The template and ``renderer.js`` read them from here.
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
        """The height of a full bar."""
        return self.bars_bottom - self.bars_top


GEOMETRY = Geometry()


@dataclass(frozen=True)
class Bar:
    """A link to a period, as high as the number of moments that start in it, or to a moment."""

    url: str
    x: str
    width: str
    y: int
    height: int


@dataclass(frozen=True)
class Gap:
    """A free interval, with the URL of its claim form."""

    name: str
    url: str
    x: str
    width: str
    share: float  # of the chart's width

    @property
    def has_room_for_label(self) -> bool:
        """Whether its label fits in a wide chart."""
        return self.share > 0.06

    @property
    def has_room_on_phones(self) -> bool:
        """Whether its label fits in the chart on a phone."""
        return self.share > 0.2


@dataclass(frozen=True)
class Label:
    """A time below the axis. Minor labels are hidden where there is little room."""

    text: str
    x: str
    is_minor: bool


@dataclass(frozen=True)
class Chart:
    """Everything that the chart shows."""

    interval: Interval
    bars: list[Bar]
    claimed: str  # SVG path of the claimed time, in steps of the track
    gaps: list[Gap]
    labels: list[Label]
    now_x: str  # position of the line that marks the present, "" if it is outside
    full_bar_count: int  # how many moments a bar of full height stands for
    unit: str  # what a bar stands for: "a year"
    geometry: Geometry = GEOMETRY

    @property
    def starts_iso(self) -> str:
        """Its start, for scripts."""
        return format_instant(self.interval.start)

    @property
    def ends_iso(self) -> str:
        """Its end, for scripts."""
        return format_instant(self.interval.end)

    @property
    def full_bar_label(self) -> str:
        """What the top of the bars means: ``200 a year``."""
        return f"{self.full_bar_count:,} {self.unit}"


def build_period_chart(interval: Interval, periods: list[PeriodTally], now: dt.datetime) -> Chart:
    """Build the chart of consecutive periods, which fill ``interval``.

    The gaps of a day are exact; other gaps are runs of periods without any claimed
    time. Only the chart of a day reads from the database: ``occupied_intervals``.
    """
    level = periods[0][0].level
    if level is Level.HOUR:
        gaps = _build_exact_gaps(interval, *occupied_intervals(*interval))
    else:
        gaps = _build_gaps_of_periods(interval, periods)
    return Chart(
        interval=interval,
        bars=_build_bars(interval, periods),
        claimed="".join(
            _track_rectangle(
                interval,
                period.starts_at,
                period.ends_at,
                tally.claimed_share(period.starts_at, period.ends_at),
            )
            for period, tally in periods
            if tally.seconds
        ),
        gaps=gaps,
        labels=_build_labels(interval, [period for period, _ in periods]),
        now_x=_now_x(interval, now),
        full_bar_count=_full_bar_count(periods),
        unit=_UNITS[level],
    )


def build_hour_chart(hour: Period, moments: Iterable[Moment], now: dt.datetime) -> Chart:
    """Build the chart of an hour: its moments, and its claimed and free time to the second."""
    interval = Interval(hour.starts_at, hour.ends_at)
    occupied, known_until = occupied_intervals(*interval)
    return Chart(
        interval=interval,
        bars=[_build_moment_bar(interval, moment) for moment in moments],
        claimed="".join(
            _track_rectangle(interval, start, end, share=1.0)
            for start, end in _merge_close(interval, occupied)
        ),
        gaps=_build_exact_gaps(interval, occupied, known_until),
        labels=[
            Label(
                f"{hour.starts_at:%H}:{minute:02}", _format_percent(minute / 60), minute % 20 != 0
            )
            for minute in range(0, 60, 10)
        ],
        now_x=_now_x(interval, now),
        full_bar_count=0,
        unit="",
    )


def _position(interval: Interval, instant: dt.datetime) -> float:
    """Return the position of an instant in the interval: 0.0 at its start, 1.0 at its end."""
    return (instant - interval.start) / (interval.end - interval.start)


def _format_percent(share: float) -> str:
    return f"{100 * share:.3f}".rstrip("0").rstrip(".") + "%"


def _x_and_width(interval: Interval, start: dt.datetime, end: dt.datetime) -> tuple[str, str]:
    """Return position and width of the part of ``[start, end)`` that is in the interval."""
    left = _position(interval, max(start, interval.start))
    right = _position(interval, min(end, interval.end))
    return _format_percent(left), _format_percent(right - left)


def _now_x(interval: Interval, now: dt.datetime) -> str:
    # Rounded, so that the page of a long period stays the same for a while.
    position = round(_position(interval, now), 4)
    return _format_percent(position) if 0 <= position <= 1 else ""


# Bars


def _build_bars(interval: Interval, periods: list[PeriodTally]) -> list[Bar]:
    full_bar_count = _full_bar_count(periods)
    bars = []
    for period, tally in periods:
        height = _bar_height(tally.moments, full_bar_count)
        x, width = _x_and_width(interval, period.starts_at, period.ends_at)
        bars.append(Bar(period.url, x, width, GEOMETRY.bars_bottom - height, height))
    return bars


def _full_bar_count(periods: list[PeriodTally]) -> int:
    """Return the smallest 1, 2 or 5 times a power of ten that no count exceeds, or 0 without moments.

    It is a round number, so that bars keep their height while the window moves.
    """
    highest = max(tally.moments for _, tally in periods)
    if highest <= 0:
        return 0
    power: int = 10 ** (len(str(highest)) - 1)
    return next(power * digit for digit in (1, 2, 5, 10) if highest <= power * digit)


def _bar_height(moments: int, full_bar_count: int) -> int:
    """Return a bar's height, which grows with the square root, so that one among thousands is visible."""
    if moments <= 0:
        return 0
    height = round(GEOMETRY.bars_height * math.sqrt(moments / full_bar_count))
    return max(GEOMETRY.min_bar_height, height)


def _build_moment_bar(interval: Interval, moment: Moment) -> Bar:
    x, width = _x_and_width(interval, moment.starts_at, moment.ends_at)
    return Bar(moment.get_absolute_url(), x, width, GEOMETRY.bars_top, GEOMETRY.bars_height)


# The track of claimed time


def _track_rectangle(interval: Interval, start: dt.datetime, end: dt.datetime, share: float) -> str:
    """Return the path of a rectangle on the track, as high as the share that is claimed."""
    left = round(GEOMETRY.track_steps * _position(interval, start))
    right = max(left + 1, round(GEOMETRY.track_steps * _position(interval, end)))
    top = min(GEOMETRY.track_height - 1, round(GEOMETRY.track_height * (1 - share)))
    return f"M{left} {GEOMETRY.track_height}V{top}H{right}V{GEOMETRY.track_height}z"


def _merge_close(interval: Interval, occupied: list[Interval]) -> list[Interval]:
    """Merge intervals that are less than two steps of the track apart, to bound the length of the path."""
    merged: list[Interval] = []
    for start, end in occupied:
        if merged:
            distance = _position(interval, start) - _position(interval, merged[-1].end)
            if distance < 2 / GEOMETRY.track_steps:
                merged[-1] = Interval(merged[-1].start, end)
                continue
        merged.append(Interval(start, end))
    return merged


# Gaps


def _build_exact_gaps(
    interval: Interval, occupied: list[Interval], known_until: dt.datetime
) -> list[Gap]:
    """Return the longest gaps between occupied intervals, to the second."""
    free = free_intervals(occupied, interval.start, known_until)
    return [
        _build_gap(interval, gap, _format_times(gap)) for gap in longest_intervals(free, MAX_GAPS)
    ]


def _build_gaps_of_periods(interval: Interval, periods: list[PeriodTally]) -> list[Gap]:
    """Return the longest runs of periods without any claimed time."""
    names = {}
    for is_free, group in groupby(periods, lambda pair: not pair[1].seconds):
        if is_free:
            run = [period for period, _ in group]
            first, last = run[0].name, run[-1].name
            gap = Interval(run[0].starts_at, run[-1].ends_at)
            names[gap] = first if first == last else f"{first} to {last}"
    return [_build_gap(interval, gap, names[gap]) for gap in longest_intervals(names, MAX_GAPS)]


def _build_gap(interval: Interval, gap: Interval, name: str) -> Gap:
    x, width = _x_and_width(interval, *gap)
    share = _position(interval, gap.end) - _position(interval, gap.start)
    return Gap(name, claim_url(*gap), x, width, share)


def _format_times(gap: Interval) -> str:
    """Return ``20:18:40 to 21:00:00 (41 min 20 s)``; the end of a day is 24:00:00."""
    end = "24:00:00" if gap.end.date() > gap.start.date() else f"{gap.end:%H:%M:%S}"
    return f"{gap.start:%H:%M:%S} to {end} ({format_duration(gap.end - gap.start)})"


# Labels


def _build_labels(interval: Interval, periods: list[Period]) -> list[Label]:
    labels = []
    for period in periods:
        text, is_minor = _get_label(period)
        position = _position(interval, period.starts_at)
        if text and 100 * position <= MAX_LABEL_POSITION:
            labels.append(Label(text, _format_percent(position), is_minor))
    return labels


def _get_label(period: Period) -> tuple[str, bool]:
    """Return the text below a period, which is "" for most, and whether it is minor."""
    day = period.first_day
    if period.level is Level.CENTURY:
        return (str(day.year), day.year % 2000 != 1) if day.year % 1000 == 1 else ("", True)
    if period.level is Level.YEAR:
        return (str(day.year), day.year % 20 != 0) if day.year % 10 == 0 else ("", True)
    if period.level is Level.MONTH:
        return MONTH_NAMES[day.month - 1][:3], day.month % 3 != 1
    if period.level is Level.DAY:
        return (str(day.day), day.day % 10 != 0) if day.day % 5 == 0 or day.day == 1 else ("", True)
    return (f"{period.hour:02}:00", period.hour % 6 != 0) if period.hour % 3 == 0 else ("", True)
