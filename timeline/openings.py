"""What is free in a short stretch of the timeline, and what is taken: spans without their owners.

That a span is taken is public, whatever its moment's visibility. A hold that
has lapsed takes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Q
from django.db.models.functions import Now

from timeline.models import Moment, Status

# Rows that one reading takes at most: an hour has no more, a day seldom.
MOST_ROWS = 3602


class Stretch(NamedTuple):
    """A half-open stretch of time, of any length."""

    start: dt.datetime
    end: dt.datetime

    @property
    def seconds(self) -> int:
        """Its length."""
        return int((self.end - self.start).total_seconds())


def taken_between(start: dt.datetime, end: dt.datetime) -> tuple[list[Stretch], dt.datetime]:
    """Return the taken stretches of ``[start, end)`` in order, and up to when that is known.

    Stretches that touch are one. Reads ``MOST_ROWS`` rows at most; were there
    more, what is after the last one read is not known.
    """
    lapsed = Q(status=Status.HELD, held_until__lte=Now())
    live = Moment.objects.live().touching(start, end).exclude(lapsed).order_by("starts_at")
    rows = list(live.values_list("starts_at", "ends_at")[:MOST_ROWS])
    known = end if len(rows) < MOST_ROWS else min(end, rows[-1][1])
    return _merged(Stretch(max(start, s), min(end, e)) for s, e in rows), known


def free_between(taken: Iterable[Stretch], start: dt.datetime, known: dt.datetime) -> list[Stretch]:
    """Return what ``taken``, in order, leaves free of ``[start, known)``."""
    free = []
    for stretch in taken:
        if start < stretch.start:
            free.append(Stretch(start, stretch.start))
        start = stretch.end
    if start < known:
        free.append(Stretch(start, known))
    return free


def longest(stretches: Iterable[Stretch], number: int) -> list[Stretch]:
    """Return the ``number`` longest stretches, in order of time."""
    return sorted(sorted(stretches, key=lambda stretch: -stretch.seconds)[:number])


def _merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for stretch in stretches:
        if merged and merged[-1].end >= stretch.start:
            merged[-1] = Stretch(merged[-1].start, stretch.end)
        else:
            merged.append(stretch)
    return merged
