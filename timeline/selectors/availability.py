"""What is free on the timeline, and what is not.

Occupying moments never overlap, so ordering them by start also orders them by
end. What lies between one and the next is free.
"""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import QuerySet

from timeline.core import local_time
from timeline.core.exceptions import InvalidInstant, InvalidSpan
from timeline.core.spans import MAX_DURATION, WINDOW_END, WINDOW_START, Span
from timeline.models import Moment, MomentQuerySet, Status

Bounds = tuple[dt.datetime, dt.datetime]

# The search for the nearest free span reads at most so many moments in each direction.
MAX_MOMENTS_READ = 2048
FIRST_BATCH = 64
# How many days away the same time of day is looked at, and how many of those days are offered.
MAX_DAYS_AWAY = 7
MAX_DAYS_OFFERED = 2
# The most rows that `occupied_intervals` reads. An hour never has more, a day seldom.
MAX_ROWS = 3602


@dataclass(frozen=True)
class Availability:
    """Whether a span is free; ``free_at`` is set while a part of it is being paid for."""

    free: bool
    free_at: dt.datetime | None = None


def get_availability(span: Span) -> Availability:
    """Return whether ``span`` is free now. Somebody else may claim it right afterwards. Reads one row."""
    conflict = find_conflict(span)
    if conflict is None:
        return Availability(free=True)
    return Availability(
        free=False, free_at=conflict.held_until if conflict.status == Status.PAYING else None
    )


def find_conflict(span: Span, *, exclude_pk: int | None = None) -> Moment | None:
    """Return a moment that occupies a part of ``span``, other than ``exclude_pk``, or None. Reads one row.

    Only for messages: somebody else may take the span before it is written.
    """
    conflicts = _occupying().overlapping(span.starts_at, span.ends_at)
    if exclude_pk is not None:
        conflicts = conflicts.exclude(pk=exclude_pk)
    return conflicts.first()


def is_free(span: Span) -> bool:
    """Return whether nobody occupies a part of ``span`` now. Reads one row."""
    last = _last_start_before(span.ends_at)
    return last is None or last[1] <= span.starts_at


def _occupying() -> MomentQuerySet:
    """Return the moments that keep others from their span. Expired holds do not."""
    return Moment.objects.occupying().without_expired_holds()


class Interval(NamedTuple):
    """A half-open interval of time, of any length."""

    start: dt.datetime
    end: dt.datetime

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return int((self.end - self.start).total_seconds())


def occupied_intervals(start: dt.datetime, end: dt.datetime) -> tuple[list[Interval], dt.datetime]:
    """Return the occupied intervals of ``[start, end)`` in order, and the instant up to which they are known.

    Intervals that touch are merged into one. Reads ``MAX_ROWS`` rows at most. If
    there are more, nothing is known about the time after the last row read.
    """
    moments = _occupying().overlapping(start, end).order_by("starts_at")
    rows = list(moments.values_list("starts_at", "ends_at")[:MAX_ROWS])
    known_until = end if len(rows) < MAX_ROWS else min(end, rows[-1][1])
    return _merge(Interval(max(start, s), min(end, e)) for s, e in rows), known_until


def free_intervals(
    occupied: Iterable[Interval], start: dt.datetime, end: dt.datetime
) -> list[Interval]:
    """Return what ``occupied``, in order, leaves free of ``[start, end)``."""
    free = []
    for interval in occupied:
        if start < interval.start:
            free.append(Interval(start, interval.start))
        start = interval.end
    if start < end:
        free.append(Interval(start, end))
    return free


def longest_intervals(intervals: Iterable[Interval], number: int) -> list[Interval]:
    """Return the ``number`` longest intervals, in order of time."""
    return sorted(sorted(intervals, key=lambda interval: -interval.seconds)[:number])


def _merge(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for interval in intervals:
        if merged and merged[-1].end >= interval.start:
            merged[-1] = Interval(merged[-1].start, interval.end)
        else:
            merged.append(interval)
    return merged


@dataclass(frozen=True)
class NearestFree:
    """Free spans near a wanted one, of the same duration. None, or fewer days, if there are none nearby."""

    before: Span | None
    after: Span | None
    same_clock_time: list[Span] = field(default_factory=list)


class _NoGapNearby(Exception):
    """``MAX_MOMENTS_READ`` moments lie without a long enough gap between them."""


def find_nearest_free(wanted: Span, zone: zoneinfo.ZoneInfo) -> NearestFree:
    """Return the free spans next to ``wanted``: the last before it and the first after it.

    Also those at the same time of day, by the clock of ``zone``, on the nearest
    days. Somebody else may claim them right afterwards. Walks outwards from
    ``wanted`` and reads at most ``MAX_MOMENTS_READ`` moments in each direction,
    plus one row for each of those days.
    """
    before, after = _last_free_before(wanted), _first_free_after(wanted)
    days = (span for span in _same_time_on_other_days(wanted, zone) if span not in (before, after))
    free_days = itertools.islice(filter(is_free, days), MAX_DAYS_OFFERED)
    return NearestFree(before, after, list(free_days))


def _first_free_after(wanted: Span) -> Span | None:
    duration = wanted.ends_at - wanted.starts_at
    start = wanted.starts_at
    last = _last_start_before(start)
    if last:
        start = max(start, last[1])
    with suppress(_NoGapNearby):
        for starts_at, ends_at in _walk(wanted.starts_at, forwards=True):
            if starts_at - start >= duration:
                break
            start = max(start, ends_at)
        return Span(start, start + duration) if WINDOW_END - start >= duration else None
    return None


def _last_free_before(wanted: Span) -> Span | None:
    duration = wanted.ends_at - wanted.starts_at
    end = wanted.ends_at
    with suppress(_NoGapNearby):
        for starts_at, ends_at in _walk(wanted.ends_at, forwards=False):
            if end - ends_at >= duration:
                break
            end = min(end, starts_at)
        return Span(end - duration, end) if end - WINDOW_START >= duration else None
    return None


def _last_start_before(instant: dt.datetime) -> Bounds | None:
    """Return the last moment that starts before ``instant``, but none that ended a day earlier."""
    rows = _occupying_bounds().filter(starts_at__lt=instant)
    if instant - WINDOW_START >= MAX_DURATION:
        rows = rows.filter(starts_at__gte=instant - MAX_DURATION)
    return rows.order_by("-starts_at").first()


def _walk(instant: dt.datetime, *, forwards: bool) -> Iterator[Bounds]:
    """Yield the moments that start at or after ``instant``, or else before it, nearest first.

    Reads them in growing batches, because mostly the first batch has a gap.
    Raises _NoGapNearby after ``MAX_MOMENTS_READ``.
    """
    read, size = 0, FIRST_BATCH
    side, order = ("starts_at__gte", "starts_at") if forwards else ("starts_at__lt", "-starts_at")
    rows = _occupying_bounds().order_by(order)
    batch = list(rows.filter(**{side: instant})[:size])
    while batch:
        yield from batch
        read += len(batch)
        if len(batch) < size:
            return
        if read >= MAX_MOMENTS_READ:
            raise _NoGapNearby
        size = min(size * 8, MAX_MOMENTS_READ - read)
        beyond = "starts_at__gt" if forwards else "starts_at__lt"
        batch = list(rows.filter(**{beyond: batch[-1][0]})[:size])


def _occupying_bounds() -> QuerySet[Moment, Bounds]:
    return _occupying().values_list("starts_at", "ends_at")


def _same_time_on_other_days(wanted: Span, zone: zoneinfo.ZoneInfo) -> Iterator[Span]:
    """Yield spans of the same duration that begin at the same time of day, nearest days first."""
    duration = wanted.ends_at - wanted.starts_at
    local = wanted.starts_at.astimezone(zone).replace(tzinfo=None)
    for distance in range(1, MAX_DAYS_AWAY + 1):
        for days in (distance, -distance):
            # Suppressed: the clock skips that time on that day, or the day is outside the timeline.
            with suppress(InvalidInstant, InvalidSpan, OverflowError):
                start = local_time.resolve_local_time(local + dt.timedelta(days=days), zone, fold=0)
                yield Span(start, start + duration)
