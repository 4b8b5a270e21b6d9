"""Create many disjoint sample moments, to measure performance with.

Each is plainly marked as test data: its title, story, owner and tags say so.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.db import connection

from accounts.models import User, get_curator_email
from momentverse.timezones import TZDATA_VERSION
from timeline.core.public_ids import random_id
from timeline.core.spans import MAX_DURATION, UTC, Span
from timeline.models import Moment, MomentTag, Status, Tag, Visibility
from timeline.services import rollups
from timeline.services.imports.sample_data import (
    DAY_SECONDS,
    Chunk,
    Gap,
    NoRoom,
    SampleData,
    divide_into_slots,
    iterate_gaps,
    plan_chunks,
    to_instant,
    to_seconds,
)
from timeline.services.placement import lock_spans

STORY = "Test data made by generate_moments, to measure with. Nothing happened here."
SOURCE = "generate_moments"
WORDS = (
    "amber", "birch", "cloud", "delta", "ember", "fjord", "grove", "heath", "islet", "jetty",
    "kelp", "loam", "marsh", "north", "ochre", "pearl", "quartz", "ridge", "slate", "thorn",
    "umber", "vale", "willow", "xenon", "yarrow", "zephyr", "dune", "moss", "reef", "tarn",
)  # fmt: skip
PLACES = ("Load Harbour", "Load Station", "Load Garden", "Load Bridge", "")

# Each moment draws its number of tags from here: most have none or one, few have three.
TAG_COUNTS = (0, 0, 0, 0, 0, 1, 1, 1, 2, 3)
PUBLIC_SHARE, UNLISTED_SHARE = 0.90, 0.05  # the rest is private
MAX_SECONDS = int(MAX_DURATION.total_seconds())


class SampleMoment(NamedTuple):
    """One moment to write. Its times are POSIX seconds."""

    id: int
    user_id: int
    start: int
    end: int
    visibility: str
    title: str
    place: str
    tag_ids: list[int]


def generate_moments(
    sample: SampleData, progress: Callable[[int], object] | None = None, *, workers: int = 1
) -> int:
    """Create the moments of ``sample`` and return how many, which is ``sample.count``.

    Each batch is a transaction of its own; ``progress`` is called with its
    number of moments. With several ``workers``, that many threads write at
    once, each with its own connection. SQLite allows only one writer at a time,
    so there it is always one.

    Raises NoRoom before anything is written, if the years have fewer free
    seconds than moments are wanted; and at the end, if others occupied some of
    the free time meanwhile.
    """
    chunks = plan_chunks(sample)
    factory = _MomentFactory(sample)
    created = 0
    for number in _write_chunks(chunks, factory, workers):
        created += number
        if progress:
            progress(number)
    if created < sample.count:
        raise NoRoom(f"Others took the room meanwhile: {created} of {sample.count} were made.")
    rollups.fold()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # The planner needs to know what the tables hold now.
            cursor.execute("ANALYZE moments, moment_tags, tags, rollup_days, rollup_periods")
    return created


class _MomentFactory:
    """Invents moments. The same seed gives the same moments, except for their ids."""

    def __init__(self, sample: SampleData) -> None:
        self._seed = sample.seed
        self._owner_ids = _get_or_create_owners(sample.owners)
        self._tag_ids = _get_or_create_tags() if sample.tags else []

    def build_moments(self, chunk: Chunk, gaps: list[Gap]) -> list[SampleMoment]:
        """Return the moments of a chunk, in order, each within its slot of the free time ``gaps``."""
        rng = random.Random(f"{self._seed} {chunk.start}")  # noqa: S311  test data, not secrets
        free = sum(end - start for start, end in gaps)
        slots = divide_into_slots(gaps, min(chunk.size, free))
        return [
            self._build_moment(rng, number, _draw_span(pieces, rng))
            for number, pieces in enumerate(slots, chunk.previous + 1)
        ]

    def _build_moment(self, rng: random.Random, number: int, span: Gap) -> SampleMoment:
        return SampleMoment(
            random_id(),
            rng.choice(self._owner_ids),
            *span,
            _draw_visibility(rng),
            f"Load moment {number:06}, {rng.choice(WORDS)} and {rng.choice(WORDS)}",
            rng.choice(PLACES),
            rng.sample(self._tag_ids, rng.choice(TAG_COUNTS)) if self._tag_ids else [],
        )


def _draw_span(pieces: list[Gap], rng: random.Random) -> Gap:
    """Return a random span within one of the pieces.

    Lengths are distributed logarithmically: there are as many of some seconds
    as of some minutes or some hours.
    """
    start, end = rng.choice(pieces)
    max_length = min(end - start, MAX_SECONDS)
    length = int(max_length ** rng.random())
    start += int((end - start - length + 1) * rng.random())
    return start, start + length


def _draw_visibility(rng: random.Random) -> str:
    chance = rng.random()
    if chance < PUBLIC_SHARE:
        return Visibility.PUBLIC.value
    if chance < PUBLIC_SHARE + UNLISTED_SHARE:
        return Visibility.UNLISTED.value
    return Visibility.PRIVATE.value


def _write_chunks(chunks: list[Chunk], factory: _MomentFactory, workers: int) -> Iterator[int]:
    """Write all chunks. Yield the number of moments in each."""
    if workers == 1 or connection.vendor != "postgresql":
        for chunk in chunks:
            yield _write_chunk(chunk, factory)
        return
    with ThreadPoolExecutor(workers) as pool:
        # Workers write chunks far apart from each other: neighbours would compete for the same
        # pages of the index.
        order = sorted(range(len(chunks)), key=lambda at: at % -(-len(chunks) // workers))
        yield from pool.map(lambda at: _write_chunk_in_thread(chunks[at], factory), order)


def _write_chunk_in_thread(chunk: Chunk, factory: _MomentFactory) -> int:
    """Write a chunk in a worker's thread, and close the connection that the thread opened."""
    try:
        return _write_chunk(chunk, factory)
    finally:
        connection.close()


def _write_chunk(chunk: Chunk, factory: _MomentFactory) -> int:
    """Write the moments of one chunk and return how many."""
    midnights = range(chunk.start, chunk.end, DAY_SECONDS)
    with lock_spans(Span(to_instant(day), to_instant(day + DAY_SECONDS)) for day in midnights):
        # Read the gaps while the days are locked, so that nobody fills one first.
        moments = factory.build_moments(chunk, list(iterate_gaps(chunk.start, chunk.end)))
        if connection.vendor == "postgresql":
            _copy(moments)
        else:
            _bulk_create(moments)
    return len(moments)


def _copy(moments: list[SampleMoment]) -> None:
    """Write moments with COPY. All texts are our own: none contains a tab, a line feed or a backslash."""
    now = _format_instant(to_seconds(dt.datetime.now(UTC)))
    constants = (
        f"{STORY}\tUTC\t0\t{TZDATA_VERSION}\t{SOURCE}\t{now}\t{now}\t{now}\t{Status.ACTIVE.value}"
    )
    _copy_lines(
        "COPY moments (id, user_id, starts_at, ends_at, visibility, title, place, story, time_zone,"
        " utc_offset, tzdata_version, source, created_at, updated_at, status_changed_at, status,"
        " status_reason, external_id) FROM STDIN",
        (
            f"{row.id}\t{row.user_id}\t{_format_instant(row.start)}\t{_format_instant(row.end)}"
            f"\t{row.visibility}\t{row.title}\t{row.place}\t{constants}\t\t\n"
            for row in moments
        ),
    )
    _copy_lines(
        "COPY moment_tags (moment_id, tag_id, starts_at) FROM STDIN",
        (
            f"{row.id}\t{tag}\t{_format_instant(row.start)}\n"
            for row in moments
            for tag in row.tag_ids
        ),
    )


def _copy_lines(statement: str, lines: Iterable[str]) -> None:
    with (
        connection.cursor() as cursor,
        # Turns the driver's errors into Django's, which `placing` handles.
        connection.wrap_database_errors,
        cursor.cursor.copy(statement) as copy,
    ):
        copy.write("".join(lines))


def _bulk_create(moments: list[SampleMoment]) -> None:
    """Write moments with multi-row INSERTs, for databases without COPY."""
    Moment.objects.bulk_create(
        Moment(
            id=row.id,
            user_id=row.user_id,
            starts_at=to_instant(row.start),
            ends_at=to_instant(row.end),
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
        MomentTag(moment_id=row.id, tag_id=tag, starts_at=to_instant(row.start))
        for row in moments
        for tag in row.tag_ids
    )


def _get_or_create_owners(count: int) -> list[int]:
    """Return the ids of the accounts ``load-001``, ``load-002`` and so on. Nobody can log in to them."""
    handles = [f"load-{number:03}" for number in range(1, count + 1)]
    emails = [get_curator_email(handle) for handle in handles]
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
    # By e-mail address, because a person may already have one of these handles.
    return list(
        User.objects.filter(email__in=emails).order_by("email").values_list("pk", flat=True)
    )


def _get_or_create_tags() -> list[int]:
    names = [f"load-{word}" for word in WORDS]
    Tag.objects.bulk_create((Tag(name=name) for name in names), ignore_conflicts=True)
    return list(Tag.objects.filter(name__in=names).order_by("name").values_list("pk", flat=True))


def _format_instant(seconds: int) -> str:
    return to_instant(seconds).isoformat()
