"""Disjoint test moments in great number, to measure with.

Every one is plainly marked as test data: title, story, owner and tags say so.
Free time is divided into as many slots as moments are wanted, in order, and
each slot gets one. How much room there is stands fixed before the first row is
written: then exactly the number asked for is made, unless others take the room
meanwhile.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.db.models import DateTimeField, Sum, Value
from django.db.models.functions import Greatest, Least

from accounts.models import User, curator_email
from momentverse.timezones import TZDATA_VERSION
from timeline.core.exceptions import TimelineError
from timeline.core.periods import FIRST_YEAR, LAST_YEAR
from timeline.core.public_ids import random_id
from timeline.core.spans import MAX_DURATION, UTC, WINDOW_END, WINDOW_START, Span
from timeline.db.functions import DurationSeconds
from timeline.models import Moment, MomentTag, Status, Tag, Visibility
from timeline.services import rollups
from timeline.services.placement import placing

STORY = "Test data made by generate_moments, to measure with. Nothing happened here."
SOURCE = "generate_moments"
WORDS = (
    "amber", "birch", "cloud", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty",
    "kelp", "loam", "marsh", "north", "ochre", "pearl", "quartz", "ridge", "slate", "thorn",
    "umber", "vale", "willow", "xenon", "yarrow", "zephyr", "dune", "moss", "reef", "tarn",
)  # fmt: skip
PLACES = ("Load Harbour", "Load Station", "Load Garden", "Load Bridge", "")

# How many tags a moment has: most have none, few have three.
TAG_COUNTS = (0, 0, 0, 0, 0, 1, 1, 1, 2, 3)
PUBLIC_SHARE, NOT_PRIVATE_SHARE = 0.90, 0.95

DAY_SECONDS = 86_400
LONGEST_SECONDS = int(MAX_DURATION.total_seconds())
# About so many rows a transaction: enough to be fast, few enough that others wait a second at most.
BATCH_ROWS = {"postgresql": 20_000, "sqlite": 1_000}
# Each day is a lock, and PostgreSQL has room for some thousand locks of all its clients together.
BATCH_DAYS = 366
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)

# A piece of free time, POSIX seconds, half-open.
Gap = tuple[int, int]


class SampleDataRefused(TimelineError):
    """The numbers do not describe a load that can be made."""


class NoRoom(TimelineError):
    """There is less free time than moments are wanted."""


@dataclass(frozen=True)
class SampleData:
    """What to make: ``count`` moments in the years ``from_year`` to ``to_year``, both included.

    Raises LoadRefused for numbers that make no sense.
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
    def range(self) -> Gap:
        """First second and the one after the last, cut to the timeline's window."""
        start = max(dt.datetime(self.from_year, 1, 1, tzinfo=UTC), WINDOW_START)
        after = WINDOW_END
        if self.to_year < LAST_YEAR:
            after = dt.datetime(self.to_year + 1, 1, 1, tzinfo=UTC)
        return _seconds(start), _seconds(after)


class Chunk(NamedTuple):
    """A run of whole days, POSIX seconds, the number made before it, and how many it gets."""

    starts: int
    ends: int
    before: int
    share: int


class SampleMoment(NamedTuple):
    """One moment to write; instants in POSIX seconds."""

    id: int
    user_id: int
    starts: int
    ends: int
    visibility: str
    title: str
    place: str
    tag_ids: list[int]


def generate_moments(
    load: SampleData, progress: Callable[[int], object] | None = None, *, workers: int = 1
) -> int:
    """Make the moments of ``load`` and return how many, which is ``load.count``.

    ``progress`` is called with the number made in each batch, which is a
    transaction of its own. More than one of ``workers`` write at once, each by
    a connection of its own; SQLite takes one writer at a time, so there it is
    one. Raises NoRoom, before anything is written, when the years have fewer
    free seconds than moments are wanted; and afterwards, when others took the
    room meanwhile.
    """
    chunks = plan_chunks(load)
    maker = _MomentFactory(load)
    made = 0
    for number in _fill_all(chunks, maker, workers):
        made += number
        if progress:
            progress(number)
    if made < load.count:
        raise NoRoom(f"Others took the room meanwhile: {made} of {load.count} were made.")
    rollups.fold()
    _analyze()
    return made


def plan_chunks(load: SampleData) -> list[Chunk]:
    """Share the moments out over the free time of the years. Raises NoRoom."""
    rooms = list(_rooms(list(_runs_of_days(load))))
    free = sum(room for _, _, room in rooms)
    if free < load.count:
        raise NoRoom(
            f"There is no room: the years {load.from_year} to {load.to_year} have {free} free"
            f" seconds, and {load.count} moments are wanted."
        )
    chunks = []
    passed = before = 0
    for start, end, room in rooms:
        passed += room
        goal = load.count * passed // free
        if goal > before:
            chunks.append(Chunk(start, end, before, goal - before))
        before = goal
    return chunks


def _rooms(runs: list[Gap]) -> Iterator[tuple[int, int, int]]:
    """Yield adjoining runs, each with its free seconds; where nobody is yet, one question is enough."""
    start, end = runs[0][0], runs[-1][1]
    free = count_free_seconds(start, end)
    if len(runs) == 1:
        yield start, end, free
    elif free == end - start:
        yield from ((first, last, last - first) for first, last in runs)
    else:
        half = len(runs) // 2
        yield from _rooms(runs[:half])
        yield from _rooms(runs[half:])


def count_free_seconds(start: int, end: int) -> int:
    """Return how many seconds of ``[start, end)``, POSIX seconds, no live moment owns."""
    first, after = _instant(start), _instant(end)
    length = DurationSeconds(
        Greatest("starts_at", Value(first, DateTimeField())),
        Least("ends_at", Value(after, DateTimeField())),
    )
    taken = Moment.objects.live().touching(first, after).aggregate(taken=Sum(length))["taken"]
    return end - start - (taken or 0)


def iterate_gaps(start: int, end: int) -> Iterator[Gap]:
    """Yield, in order, the free pieces of ``[start, end)``, POSIX seconds."""
    live = (
        Moment.objects.live()
        .touching(_instant(start), _instant(end))
        .order_by("starts_at")
        .values_list("starts_at", "ends_at")
    )
    for starts_at, ends_at in live.iterator(chunk_size=10_000):
        taken_from = _seconds(starts_at)
        if taken_from > start:
            yield start, taken_from
        start = _seconds(ends_at)
    if start < end:
        yield start, end


def divide_into_slots(gaps: list[Gap], count: int) -> Iterator[list[Gap]]:
    """Divide free time into ``count`` slots of equal length and yield the pieces of each.

    There must be at least ``count`` free seconds.
    """
    total = sum(end - start for start, end in gaps)
    rest = iter(gaps)
    start = end = 0
    for number in range(count):
        need = (number + 1) * total // count - number * total // count
        pieces = []
        while need:
            if start == end:
                start, end = next(rest)
            step = min(need, end - start)
            pieces.append((start, start + step))
            start += step
            need -= step
        yield pieces


class _MomentFactory:
    """Makes up moments; the same seed makes the same ones, but for their ids."""

    def __init__(self, load: SampleData) -> None:
        self._seed = load.seed
        self._owners = _owner_ids(load.owners)
        self._tags = _tag_ids() if load.tags else []

    def moments(self, chunk: Chunk, gaps: list[Gap]) -> list[SampleMoment]:
        """Return a chunk's moments, in order, each in its slot of the free time ``gaps``."""
        rng = random.Random(f"{self._seed} {chunk.starts}")  # noqa: S311  test data, not secrets
        room = sum(end - start for start, end in gaps)
        slots = divide_into_slots(gaps, min(chunk.share, room))
        return [
            self._moment(rng, number, _span_in(pieces, rng))
            for number, pieces in enumerate(slots, chunk.before + 1)
        ]

    def _moment(self, rng: random.Random, number: int, span: Gap) -> SampleMoment:
        return SampleMoment(
            random_id(),
            rng.choice(self._owners),
            *span,
            _visibility(rng.random()),
            f"Load moment {number:06}, {rng.choice(WORDS)} and {rng.choice(WORDS)}",
            rng.choice(PLACES),
            rng.sample(self._tags, rng.choice(TAG_COUNTS)) if self._tags else [],
        )


def _span_in(pieces: list[Gap], rng: random.Random) -> Gap:
    start, end = rng.choice(pieces)
    longest = min(end - start, LONGEST_SECONDS)
    # As many lengths of seconds as of minutes and of hours.
    length = int(longest ** rng.random())
    start += int((end - start - length + 1) * rng.random())
    return start, start + length


def _visibility(chance: float) -> str:
    if chance < PUBLIC_SHARE:
        return Visibility.PUBLIC.value
    return Visibility.UNLISTED.value if chance < NOT_PRIVATE_SHARE else Visibility.PRIVATE.value


def _runs_of_days(load: SampleData) -> Iterator[Gap]:
    """Cut the years into runs of whole days: few enough to lock, enough for a good batch."""
    start, end = load.range
    days = BATCH_ROWS[connection.vendor] * (end - start) // (load.count * DAY_SECONDS)
    step = min(max(days, 1), BATCH_DAYS) * DAY_SECONDS
    for first in range(start, end, step):
        yield first, min(first + step, end)


def _fill_all(chunks: list[Chunk], maker: _MomentFactory, workers: int) -> Iterator[int]:
    """Write all chunks; yield how many moments each got."""
    if workers == 1 or connection.vendor != "postgresql":
        for chunk in chunks:
            yield _fill(chunk, maker)
        return
    with ThreadPoolExecutor(workers) as pool:
        # Far from each other: side by side they would fight for the same pages of the index.
        order = sorted(range(len(chunks)), key=lambda at: at % -(-len(chunks) // workers))
        yield from pool.map(lambda at: _fill_apart(chunks[at], maker), order)


def _fill_apart(chunk: Chunk, maker: _MomentFactory) -> int:
    """Fill a chunk in a thread of its own, whose connection goes back afterwards."""
    try:
        return _fill(chunk, maker)
    finally:
        connection.close()


def _fill(chunk: Chunk, maker: _MomentFactory) -> int:
    """Write one chunk's moments and return how many."""
    midnights = range(chunk.starts, chunk.ends, DAY_SECONDS)
    with placing(Span(_instant(day), _instant(day + DAY_SECONDS)) for day in midnights):
        # Read under the locks, so that nobody takes a gap before it is filled.
        moments = maker.moments(chunk, list(iterate_gaps(chunk.starts, chunk.ends)))
        if connection.vendor == "postgresql":
            _copy(moments)
        else:
            _bulk_create(moments)
    return len(moments)


def _copy(moments: list[SampleMoment]) -> None:
    """Write by COPY. The texts are ours: none holds a tab, a line feed or a backslash."""
    now = _text(_seconds(dt.datetime.now(UTC)))
    shared = (
        f"{STORY}\tUTC\t0\t{TZDATA_VERSION}\t{SOURCE}\t{now}\t{now}\t{now}\t{Status.ACTIVE.value}"
    )
    _copy_lines(
        "COPY moments (id, user_id, starts_at, ends_at, visibility, title, place, story, time_zone,"
        " utc_offset, tzdata_version, source, created_at, updated_at, status_changed_at, status,"
        " status_reason, external_id) FROM STDIN",
        (
            f"{row.id}\t{row.user_id}\t{_text(row.starts)}\t{_text(row.ends)}\t{row.visibility}"
            f"\t{row.title}\t{row.place}\t{shared}\t\t\n"
            for row in moments
        ),
    )
    _copy_lines(
        "COPY moment_tags (moment_id, tag_id, starts_at) FROM STDIN",
        (f"{row.id}\t{tag}\t{_text(row.starts)}\n" for row in moments for tag in row.tag_ids),
    )


def _copy_lines(statement: str, lines: Iterable[str]) -> None:
    # The driver's errors become Django's, which is what `placing` understands.
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.cursor.copy(statement) as copy,
    ):
        copy.write("".join(lines))


def _bulk_create(moments: list[SampleMoment]) -> None:
    """Write by many-row INSERTs, where there is no COPY."""
    Moment.objects.bulk_create(
        Moment(
            id=row.id,
            user_id=row.user_id,
            starts_at=_instant(row.starts),
            ends_at=_instant(row.ends),
            status=Status.ACTIVE,
            visibility=row.visibility,
            title=row.title,
            place=row.place,
            story=STORY,
            source=SOURCE,
            tzdata_version=TZDATA_VERSION,
        )
        for row in moments
    )
    MomentTag.objects.bulk_create(
        MomentTag(moment_id=row.id, tag_id=tag, starts_at=_instant(row.starts))
        for row in moments
        for tag in row.tag_ids
    )


def _owner_ids(count: int) -> list[int]:
    """Return the ids of the accounts ``load-001`` and so on; nobody can log in as them."""
    handles = [f"load-{number:03}" for number in range(1, count + 1)]
    emails = [curator_email(handle) for handle in handles]
    User.objects.bulk_create(
        (
            User(
                email=email,
                handle=handle,
                display_name=f"Load owner {handle[5:]}",
                password=make_password(None),
            )
            for handle, email in zip(handles, emails, strict=True)
        ),
        ignore_conflicts=True,
    )
    # By address: a person may have such a handle.
    return list(
        User.objects.filter(email__in=emails).order_by("email").values_list("pk", flat=True)
    )


def _tag_ids() -> list[int]:
    names = [f"load-{word}" for word in WORDS]
    Tag.objects.bulk_create((Tag(name=name) for name in names), ignore_conflicts=True)
    return list(Tag.objects.filter(name__in=names).order_by("name").values_list("pk", flat=True))


def _analyze() -> None:
    """Tell PostgreSQL's planner what the tables hold now."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE moments, moment_tags, tags, rollup_days, rollup_periods")


def _seconds(instant: dt.datetime) -> int:
    return int((instant - _EPOCH).total_seconds())


def _instant(seconds: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(seconds=seconds)


def _text(seconds: int) -> str:
    return (_EPOCH + dt.timedelta(seconds=seconds)).isoformat()
