"""Takes checked rows into the timeline: each is taken, updated, unchanged or refused, and none twice.

A row is known by its owner and its ``external_id``, so an import can be run
again at any time. Rows are written in batches, a transaction each; within it
each row has a savepoint, so that a refused one leaves the rest alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import islice

from django.db import DataError, IntegrityError, transaction

from accounts.models import User
from timeline.core.exceptions import SpanTaken
from timeline.core.spans import Span
from timeline.models import Moment, Status, Tag
from timeline.services import rollups
from timeline.services.imports.rows import Refusal, Row, RowRefused
from timeline.services.placement import MAX_DAYS, is_overlap, placing, retrying
from timeline.services.tags import get_or_create_tags, set_tags

# A row touches two days at most, and two more when it moves.
BATCH_ROWS = MAX_DAYS // 5
TEXT_FIELDS = ("title", "story", "place", "source", "time_zone")
TIME_FIELDS = ("starts_at", "ends_at")


class Outcome(Enum):
    """What became of a row that was not refused."""

    TAKEN = "taken"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass
class ImportReport:
    """How many rows were taken, updated and unchanged, and which were refused."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    refusals: list[Refusal] = field(default_factory=list)

    def note(self, outcome: Outcome | Refusal) -> None:
        """Count one row."""
        if isinstance(outcome, Refusal):
            self.refusals.append(outcome)
        else:
            self.counts[outcome] += 1

    def lines(self) -> Iterator[str]:
        """Yield the report for people: a line for each refused row, then the sums."""
        for refusal in sorted(self.refusals, key=lambda refusal: refusal.number):
            yield str(refusal)
        sums = [f"{count} {outcome.value}" for outcome, count in self.counts.items()]
        yield f"{', '.join(sums)}, {len(self.refusals)} refused"


def import_rows(
    rows: Iterable[Row | Refusal],
    owner: Callable[[], User],
    report: ImportReport,
    *,
    dry_run: bool = False,
) -> None:
    """Take rows into the timeline as ``owner``'s moments and note in ``report`` what became of each.

    Raises TimelineBusy when the rows' days stay locked; what was written before
    stays and is in the report, and the import can be run again.

    ``owner`` is asked in each batch's transaction: a dry run, which writes each
    batch and takes it back, leaves no new account either.
    """
    rehearsal = DryRun() if dry_run else None
    for batch in _split_into_batches(_skip_duplicates(rows, report)):
        for outcome in retrying(partial(_import_batch, batch, owner, rehearsal)):
            report.note(outcome)
    if not dry_run:
        rollups.fold()


class DryRun:
    """What a dry run's earlier batches, taken back, would have left behind."""

    def __init__(self) -> None:
        self._taken: list[Span] = []
        self._vacated: set[int] = set()

    def check(self, span: Span) -> None:
        """Raise SpanTaken when an earlier row has a part of the span."""
        at = bisect_left(self._taken, span)
        for other in self._taken[max(at - 1, 0) : at + 1]:
            if other.starts_at < span.ends_at and span.starts_at < other.ends_at:
                raise SpanTaken

    def is_vacated(self, moment: Moment) -> bool:
        """Tell whether all that is in the way of a moment would have moved out of it."""
        others = Moment.objects.live().touching(moment.starts_at, moment.ends_at)
        return not others.exclude(pk__in={moment.pk, *self._vacated}).exists()

    def note(self, moment: Moment, moved: bool) -> None:
        """Remember that a row got its span."""
        insort(self._taken, moment.span)
        if moved:
            self._vacated.add(moment.pk)


def _skip_duplicates(rows: Iterable[Row | Refusal], report: ImportReport) -> Iterator[Row]:
    seen: dict[str, int] = {}
    for row in rows:
        if isinstance(row, Refusal):
            report.note(row)
            continue
        first = seen.setdefault(row.moment.external_id, row.number)
        if first == row.number:
            yield row
        else:
            reason = f"Its external_id stands in row {first} already."
            report.note(Refusal(row.number, reason, row.moment.external_id))


def _split_into_batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def _import_batch(
    rows: list[Row], owner: Callable[[], User], rehearsal: DryRun | None
) -> list[Outcome | Refusal]:
    with transaction.atomic():
        batch = _Batch(owner(), rows, rehearsal)
        with placing(batch.spans()):
            outcomes = [batch.take(row) for row in rows]
        if rehearsal:
            transaction.set_rollback(True)
    return outcomes


class _Batch:
    """Some rows, and what the database knows of them already."""

    def __init__(self, owner: User, rows: list[Row], rehearsal: DryRun | None) -> None:
        self._owner = owner
        self._rows = rows
        self._rehearsal = rehearsal
        self._known: dict[str, Moment] = {
            moment.external_id: moment
            for moment in Moment.objects.filter(
                user=owner, external_id__in=[row.moment.external_id for row in rows]
            ).prefetch_related("tags")
        }
        self._tags = get_or_create_tags({name for row in rows for name in row.tags})

    def spans(self) -> list[Span]:
        """Spans that may be written: the rows', and those that known moments leave."""
        return [
            moment.span for moment in (*(row.moment for row in self._rows), *self._known.values())
        ]

    def take(self, row: Row) -> Outcome | Refusal:
        """Write one row and say what became of it."""
        known = self._known.get(row.moment.external_id)
        try:
            return self._update(row, known) if known else self._create(row)
        except (SpanTaken, RowRefused) as error:
            reason = str(error)
        except (IntegrityError, DataError) as error:
            reason = f"The database refuses it ({type(error).__name__})."
        return Refusal(row.number, reason, row.moment.external_id)

    def _create(self, row: Row) -> Outcome:
        row.moment.user = self._owner
        self._write(row.moment, row.tags, is_new=True)
        return Outcome.TAKEN

    def _update(self, row: Row, known: Moment) -> Outcome:
        if known.status != Status.ACTIVE:
            raise RowRefused(f"This moment is {known.status}; an import does not bring it back.")
        moved = any(getattr(known, name) != getattr(row.moment, name) for name in TIME_FIELDS)
        changed = moved or any(
            getattr(known, name) != getattr(row.moment, name) for name in TEXT_FIELDS
        )
        if not changed and {tag.name for tag in known.tags.all()} == set(row.tags):
            return Outcome.UNCHANGED
        for name in (*TEXT_FIELDS, *TIME_FIELDS):
            setattr(known, name, getattr(row.moment, name))
        known.note_zone()
        self._write(known, row.tags, moved=moved)
        return Outcome.UPDATED

    def _write(
        self, moment: Moment, tags: tuple[str, ...], *, is_new: bool = False, moved: bool = False
    ) -> None:
        if self._rehearsal and (is_new or moved):
            self._rehearsal.check(moment.span)
        try:
            with transaction.atomic():
                _save(moment, [self._tags[name] for name in tags], is_new=is_new)
        except IntegrityError as error:
            if not is_overlap(error):
                raise
            if not (self._rehearsal and self._rehearsal.is_vacated(moment)):
                raise SpanTaken from error
        if self._rehearsal and (is_new or moved):
            self._rehearsal.note(moment, moved)


def _save(moment: Moment, tags: list[Tag], *, is_new: bool) -> None:
    if is_new:
        moment.save(force_insert=True)
    else:
        # Nothing else: who may see it is the owner's business.
        moment.save(
            update_fields=[*TEXT_FIELDS, *TIME_FIELDS, "utc_offset", "tzdata_version", "updated_at"]
        )
    set_tags(moment, tags, replace=not is_new)
