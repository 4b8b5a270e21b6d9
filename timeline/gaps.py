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
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from timeline import local_times
from timeline.errors import InvalidInstant, InvalidSpan
from timeline.models import Moment, Status
from timeline.spans import LONGEST, WINDOW_END, WINDOW_START, Span

Bounds = tuple[dt.datetime, dt.datetime]

MOST_READ = 2048
FIRST_BATCH = 64
# How far around, in days, the same time of day is looked at, and how many of those days are offered.
DAYS_AROUND = 7
DAYS_OFFERED = 2


@dataclass(frozen=True)
class NearestFree:
    """Free spans of the wanted length; None, or fewer days, where there are none nearby."""

    before: Span | None
    after: Span | None
    same_clock_time: list[Span] = field(default_factory=list)


class _NoGapNearby(Exception):
    """As many moments as may be read lie without a gap."""


def nearest_free(wanted: Span, zone: zoneinfo.ZoneInfo) -> NearestFree:
    """Return what is free next to ``wanted``: the last start before it, the first after it.

    And at the same time of day, by the clock of ``zone``, on the nearest days.
    Lapsed holds are free. Somebody else may be faster afterwards.
    """
    before, after = _before(wanted), _after(wanted)
    days = (span for span in _other_days(wanted, zone) if span not in (before, after))
    return NearestFree(before, after, list(itertools.islice(filter(is_free, days), DAYS_OFFERED)))


def is_free(span: Span) -> bool:
    """Tell whether nobody has a part of ``span`` now. Reads one row."""
    last = _last_before(span.ends_at)
    return last is None or last[1] <= span.starts_at


def _after(wanted: Span) -> Span | None:
    length = wanted.ends_at - wanted.starts_at
    start = wanted.starts_at
    last = _last_before(start)
    if last:
        start = max(start, last[1])
    with suppress(_NoGapNearby):
        for starts_at, ends_at in _walk(wanted.starts_at, forwards=True):
            if starts_at - start >= length:
                break
            start = max(start, ends_at)
        return Span(start, start + length) if WINDOW_END - start >= length else None
    return None


def _before(wanted: Span) -> Span | None:
    length = wanted.ends_at - wanted.starts_at
    end = wanted.ends_at
    with suppress(_NoGapNearby):
        for starts_at, ends_at in _walk(wanted.ends_at, forwards=False):
            if end - ends_at >= length:
                break
            end = min(end, starts_at)
        return Span(end - length, end) if end - WINDOW_START >= length else None
    return None


def _in_the_way() -> QuerySet[Moment, Bounds]:
    lapsed = Q(status=Status.HELD, held_until__lte=Now())
    moments: QuerySet[Moment, Bounds] = (
        Moment.objects.live().exclude(lapsed).values_list("starts_at", "ends_at")
    )
    return moments


def _last_before(instant: dt.datetime) -> Bounds | None:
    """Return the last moment that starts before ``instant``; one that ended a day ago is left out."""
    rows = _in_the_way().filter(starts_at__lt=instant)
    if instant - WINDOW_START >= LONGEST:
        rows = rows.filter(starts_at__gte=instant - LONGEST)
    return rows.order_by("-starts_at").first()


def _walk(instant: dt.datetime, *, forwards: bool) -> Iterator[Bounds]:
    """Yield the moments that start from ``instant`` on, or before it, away from it.

    In batches that grow: mostly the first has a gap. Raises _NoGapNearby.
    """
    read, size = 0, FIRST_BATCH
    later, order = ("starts_at__gte", "starts_at") if forwards else ("starts_at__lt", "-starts_at")
    rows = _in_the_way().order_by(order)
    batch = list(rows.filter(**{later: instant})[:size])
    while batch:
        yield from batch
        read += len(batch)
        if len(batch) < size:
            return
        if read >= MOST_READ:
            raise _NoGapNearby
        size = min(size * 8, MOST_READ - read)
        beyond = "starts_at__gt" if forwards else "starts_at__lt"
        batch = list(rows.filter(**{beyond: batch[-1][0]})[:size])


def _other_days(wanted: Span, zone: zoneinfo.ZoneInfo) -> Iterator[Span]:
    """Yield spans of the same length that begin at the same time of day, nearest days first."""
    length = wanted.ends_at - wanted.starts_at
    local = wanted.starts_at.astimezone(zone).replace(tzinfo=None)
    for distance in range(1, DAYS_AROUND + 1):
        for days in (distance, -distance):
            # No such time on that day, or beyond the timeline's end.
            with suppress(InvalidInstant, InvalidSpan, OverflowError):
                start = local_times.resolve(local + dt.timedelta(days=days), zone, fold=0)
                yield Span(start, start + length)
