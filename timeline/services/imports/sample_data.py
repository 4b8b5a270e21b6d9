"""Plan where sample moments go: how many there are, and in which free seconds.

Free time is divided into as many slots as moments are wanted, in order, and
each slot gets one moment. How many moments each stretch of days gets is decided
before the first row is written. So exactly the wanted number is created, unless
others occupy that time meanwhile.

All times in here are whole POSIX seconds, and all intervals are half-open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.db.models import DateTimeField, Sum, Value
from django.db.models.functions import Greatest, Least

from timeline.core.exceptions import TimelineError
from timeline.core.periods import FIRST_YEAR, LAST_YEAR
from timeline.core.spans import UTC, WINDOW_END, WINDOW_START
from timeline.db.functions import DurationSeconds
from timeline.models import Moment

DAY_SECONDS = 86_400
# About how many rows a transaction writes: enough to be fast, and few enough to make other writers
# wait a second at most.
BATCH_ROWS = {"postgresql": 20_000, "sqlite": 1_000}
# Each day is one lock, and PostgreSQL's lock table holds some thousand locks for all clients together.
BATCH_DAYS = 366
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)

Gap = tuple[int, int]  # an interval of free time


class SampleDataRefused(TimelineError):
    """The arguments make no sense."""


class NoRoom(TimelineError):
    """There are fewer free seconds than moments wanted."""


@dataclass(frozen=True)
class SampleData:
    """Order for ``count`` moments in the years ``from_year`` to ``to_year``, both included.

    Raises SampleDataRefused for arguments that make no sense.
    """

    count: int
    from_year: int = 1900
    to_year: int = 2020
    seed: int = 1
    owners: int = 100
    tags: bool = True

    def __post_init__(self) -> None:
        if self.count < 1 or self.owners < 1:
            raise SampleDataRefused("Ask for one moment and one owner or more.")
        if not FIRST_YEAR <= self.from_year <= self.to_year <= LAST_YEAR:
            raise SampleDataRefused("Give two years between 1 and 9999, the earlier first.")

    @property
    def bounds(self) -> tuple[int, int]:
        """The start and the end of the years, within the timeline's window."""
        start = max(dt.datetime(self.from_year, 1, 1, tzinfo=UTC), WINDOW_START)
        end = WINDOW_END
        if self.to_year < LAST_YEAR:
            end = dt.datetime(self.to_year + 1, 1, 1, tzinfo=UTC)
        return to_seconds(start), to_seconds(end)


class Chunk(NamedTuple):
    """A number of consecutive whole days that one transaction fills."""

    start: int
    end: int
    previous: int  # how many moments the chunks before it get
    size: int  # how many moments it gets


def plan_chunks(sample: SampleData) -> list[Chunk]:
    """Divide the moments among chunks of days, in proportion to their free time. Raises NoRoom."""
    stretches = list(_measure_free_time(list(_split_into_stretches(sample))))
    total = sum(free for _, _, free in stretches)
    if total < sample.count:
        raise NoRoom(
            f"There is no room: the years {sample.from_year} to {sample.to_year} have {total} free"
            f" seconds, and {sample.count} moments are wanted."
        )
    chunks = []
    free_so_far = previous = 0
    for start, end, free in stretches:
        free_so_far += free
        # Rounding the running total, not each share, makes the counts add up to the wanted number.
        planned = sample.count * free_so_far // total
        if planned > previous:
            chunks.append(Chunk(start, end, previous, planned - previous))
        previous = planned
    return chunks


def _split_into_stretches(sample: SampleData) -> Iterator[tuple[int, int]]:
    """Yield stretches of whole days: short enough to lock, long enough for a good batch."""
    start, end = sample.bounds
    days = BATCH_ROWS[connection.vendor] * (end - start) // (sample.count * DAY_SECONDS)
    step = min(max(days, 1), BATCH_DAYS) * DAY_SECONDS
    for first in range(start, end, step):
        yield first, min(first + step, end)


def _measure_free_time(stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield adjoining stretches, each with its number of free seconds.

    One query is enough for stretches without any moment. Otherwise they are
    halved and measured again.
    """
    start, end = stretches[0][0], stretches[-1][1]
    free = count_free_seconds(start, end)
    if len(stretches) == 1:
        yield start, end, free
    elif free == end - start:
        yield from ((first, last, last - first) for first, last in stretches)
    else:
        half = len(stretches) // 2
        yield from _measure_free_time(stretches[:half])
        yield from _measure_free_time(stretches[half:])


def count_free_seconds(start: int, end: int) -> int:
    """Return how many seconds of ``[start, end)`` no moment occupies."""
    first, last = to_instant(start), to_instant(end)
    overlap = DurationSeconds(
        Greatest("starts_at", Value(first, DateTimeField())),
        Least("ends_at", Value(last, DateTimeField())),
    )
    moments = Moment.objects.occupying().overlapping(first, last)
    occupied = moments.aggregate(seconds=Sum(overlap))["seconds"]
    return end - start - (occupied or 0)


def iterate_gaps(start: int, end: int) -> Iterator[Gap]:
    """Yield the free intervals within ``[start, end)``, in order."""
    moments = (
        Moment.objects.occupying()
        .overlapping(to_instant(start), to_instant(end))
        .order_by("starts_at")
        .values_list("starts_at", "ends_at")
    )
    for starts_at, ends_at in moments.iterator(chunk_size=10_000):
        occupied_from = to_seconds(starts_at)
        if occupied_from > start:
            yield start, occupied_from
        start = to_seconds(ends_at)
    if start < end:
        yield start, end


def divide_into_slots(gaps: list[Gap], count: int) -> Iterator[list[Gap]]:
    """Divide free time into ``count`` slots of equal length, and yield the pieces of each slot.

    There must be at least ``count`` free seconds. Lengths differ by one second at most.
    """
    total = sum(end - start for start, end in gaps)
    remaining = iter(gaps)
    start = end = 0
    for number in range(count):
        missing = (number + 1) * total // count - number * total // count
        pieces = []
        while missing:
            if start == end:
                start, end = next(remaining)
            length = min(missing, end - start)
            pieces.append((start, start + length))
            start += length
            missing -= length
        yield pieces


def to_seconds(instant: dt.datetime) -> int:
    """Return the POSIX time of an instant."""
    return int((instant - _EPOCH).total_seconds())


def to_instant(seconds: int) -> dt.datetime:
    """Return the instant of a POSIX time, in UTC."""
    return _EPOCH + dt.timedelta(seconds=seconds)
