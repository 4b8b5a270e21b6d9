"""The free spans nearest to one that is taken.

Live moments do not overlap, so in order of their starts they are in order of
their ends: a gap is what lies between one and the next. The walk from the
wanted span outwards reads at most ``MOST_READ`` moments each way, however many
there are; where those lie without a gap, there is none nearby to offer.
"""

from __future__ import annotations

import datetime as dt
import itertools
import zoneinfo
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from timeline.core import local_time
from timeline.core.exceptions import InvalidInstant, InvalidSpan
from timeline.core.spans import MAX_DURATION, WINDOW_END, WINDOW_START, Span
from timeline.models import Moment, Status

Bounds = tuple[dt.datetime, dt.datetime]

MAX_MOMENTS_READ = 2048
FIRST_BATCH = 64
# How far around, in days, the same time of day is looked at, and how many of those days are offered.
MAX_DAYS_AWAY = 7
MAX_DAYS_OFFERED = 2


@dataclass(frozen=True)
class NearestFree:
    """Free spans of the wanted length; None, or fewer days, where there are none nearby."""

    before: Span | None
    after: Span | None
    same_clock_time: list[Span] = field(default_factory=list)


class _NoGapNearby(Exception):
    """As many moments as may be read lie without a gap."""


def find_nearest_free(wanted: Span, zone: zoneinfo.ZoneInfo) -> NearestFree:
    """Return what is free next to ``wanted``: the last start before it, the first after it.

    And at the same time of day, by the clock of ``zone``, on the nearest days.
    Lapsed holds are free. Somebody else may be faster afterwards.
    """
    before, after = _last_free_before(wanted), _first_free_after(wanted)
    days = (span for span in _same_time_on_other_days(wanted, zone) if span not in (before, after))
    return NearestFree(
        before, after, list(itertools.islice(filter(is_free, days), MAX_DAYS_OFFERED))
    )


def is_free(span: Span) -> bool:
    """Tell whether nobody has a part of ``span`` now. Reads one row."""
    last = _last_start_before(span.ends_at)
    return last is None or last[1] <= span.starts_at


def _first_free_after(wanted: Span) -> Span | None:
    length = wanted.ends_at - wanted.starts_at
    start = wanted.starts_at
    last = _last_start_before(start)
    if last:
        start = max(start, last[1])
    with suppress(_NoGapNearby):
        for starts_at, ends_at in _walk(wanted.starts_at, forwards=True):
            if starts_at - start >= length:
                break
            start = max(start, ends_at)
        return Span(start, start + length) if WINDOW_END - start >= length else None
    return None


def _last_free_before(wanted: Span) -> Span | None:
    length = wanted.ends_at - wanted.starts_at
    end = wanted.ends_at
    with suppress(_NoGapNearby):
        for starts_at, ends_at in _walk(wanted.ends_at, forwards=False):
            if end - ends_at >= length:
                break
            end = min(end, starts_at)
        return Span(end - length, end) if end - WINDOW_START >= length else None
    return None


def _occupying_bounds() -> QuerySet[Moment, Bounds]:
    lapsed = Q(status=Status.HELD, held_until__lte=Now())
    moments: QuerySet[Moment, Bounds] = (
        Moment.objects.occupying().exclude(lapsed).values_list("starts_at", "ends_at")
    )
    return moments


def _last_start_before(instant: dt.datetime) -> Bounds | None:
    """Return the last moment that starts before ``instant``; one that ended a day ago is left out."""
    rows = _occupying_bounds().filter(starts_at__lt=instant)
    if instant - WINDOW_START >= MAX_DURATION:
        rows = rows.filter(starts_at__gte=instant - MAX_DURATION)
    return rows.order_by("-starts_at").first()


def _walk(instant: dt.datetime, *, forwards: bool) -> Iterator[Bounds]:
    """Yield the moments that start from ``instant`` on, or before it, away from it.

    In batches that grow: mostly the first has a gap. Raises _NoGapNearby.
    """
    read, size = 0, FIRST_BATCH
    later, order = ("starts_at__gte", "starts_at") if forwards else ("starts_at__lt", "-starts_at")
    rows = _occupying_bounds().order_by(order)
    batch = list(rows.filter(**{later: instant})[:size])
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


def _same_time_on_other_days(wanted: Span, zone: zoneinfo.ZoneInfo) -> Iterator[Span]:
    """Yield spans of the same length that begin at the same time of day, nearest days first."""
    length = wanted.ends_at - wanted.starts_at
    local = wanted.starts_at.astimezone(zone).replace(tzinfo=None)
    for distance in range(1, MAX_DAYS_AWAY + 1):
        for days in (distance, -distance):
            # No such time on that day, or beyond the timeline's end.
            with suppress(InvalidInstant, InvalidSpan, OverflowError):
                start = local_time.resolve_local_time(local + dt.timedelta(days=days), zone, fold=0)
                yield Span(start, start + length)


# Rows that one reading takes at most: an hour has no more, a day seldom.
MAX_ROWS = 3602


class Interval(NamedTuple):
    """A half-open stretch of time, of any length."""

    start: dt.datetime
    end: dt.datetime

    @property
    def seconds(self) -> int:
        """Its length."""
        return int((self.end - self.start).total_seconds())


def occupied_intervals(start: dt.datetime, end: dt.datetime) -> tuple[list[Interval], dt.datetime]:
    """Return the taken stretches of ``[start, end)`` in order, and up to when that is known.

    Stretches that touch are one. Reads ``MOST_ROWS`` rows at most; were there
    more, what is after the last one read is not known.
    """
    lapsed = Q(status=Status.HELD, held_until__lte=Now())
    live = Moment.objects.occupying().overlapping(start, end).exclude(lapsed).order_by("starts_at")
    rows = list(live.values_list("starts_at", "ends_at")[:MAX_ROWS])
    known = end if len(rows) < MAX_ROWS else min(end, rows[-1][1])
    return _merge(Interval(max(start, s), min(end, e)) for s, e in rows), known


def free_intervals(
    taken: Iterable[Interval], start: dt.datetime, known: dt.datetime
) -> list[Interval]:
    """Return what ``taken``, in order, leaves free of ``[start, known)``."""
    free = []
    for stretch in taken:
        if start < stretch.start:
            free.append(Interval(start, stretch.start))
        start = stretch.end
    if start < known:
        free.append(Interval(start, known))
    return free


@dataclass(frozen=True)
class Availability:
    """Whether a span is free; ``free_at`` is set while a part of it is being paid for."""

    free: bool
    free_at: dt.datetime | None = None


def longest_intervals(stretches: Iterable[Interval], number: int) -> list[Interval]:
    """Return the ``number`` longest stretches, in order of time."""
    return sorted(sorted(stretches, key=lambda stretch: -stretch.seconds)[:number])


def _merge(stretches: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for stretch in stretches:
        if merged and merged[-1].end >= stretch.start:
            merged[-1] = Interval(merged[-1].start, stretch.end)
        else:
            merged.append(stretch)
    return merged


def get_availability(span: Span) -> Availability:
    """Tell whether ``span`` is free now. Somebody else may be faster afterwards."""
    holder = find_conflict(span)
    if holder is None:
        return Availability(free=True)
    return Availability(
        free=False, free_at=holder.held_until if holder.status == Status.PAYING else None
    )


def find_conflict(span: Span, besides: int | None = None) -> Moment | None:
    """Return a live moment, other than ``besides``, that holds a part of ``span``, if any.

    For telling people; between this and a write somebody else may come first.
    A lapsed hold holds nothing.
    """
    live = Moment.objects.occupying().overlapping(span.starts_at, span.ends_at)
    lapsed = Q(status=Status.HELD, held_until__lte=Now())
    holders = live.exclude(lapsed)
    if besides is not None:
        holders = holders.exclude(pk=besides)
    return holders.first()
