"""Import validated rows as moments. Each row is created, updated, unchanged or refused.

A row is identified by its owner and its ``external_id``, so an import can be
repeated at any time without creating duplicates. Rows are written in batches,
with one transaction for each batch. Each row has its own savepoint, so a
refused row does not affect the others.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from django.db import DataError, IntegrityError, transaction

from accounts.models import User
from timeline.core.exceptions import SpanTaken
from timeline.core.spans import Span
from timeline.models import Moment, Status, Tag
from timeline.services import rollups
from timeline.services.imports.rows import Refusal, Row, RowRefused
from timeline.services.placement import MAX_DAYS, is_overlap_error, lock_spans, retry_on_conflict
from timeline.services.tags import get_or_create_tags, set_tags

# A row locks two days at most, and two more if it moves.
BATCH_ROWS = MAX_DAYS // 5
TEXT_FIELDS = ("title", "story", "place", "source", "time_zone")
TIME_FIELDS = ("starts_at", "ends_at")


class Outcome(Enum):
    """The result of a row that was not refused, with its name in the report."""

    CREATED = "taken"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass
class ImportReport:
    """How many rows were created, updated and unchanged, and which were refused."""

    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    refusals: list[Refusal] = field(default_factory=list)

    def record(self, outcome: Outcome | Refusal) -> None:
        """Add the result of one row."""
        if isinstance(outcome, Refusal):
            self.refusals.append(outcome)
        else:
            self.counts[outcome] += 1

    def format_lines(self) -> Iterator[str]:
        """Yield a line for each refused row, in the order of the file, and then the totals."""
        for refusal in sorted(self.refusals, key=lambda refusal: refusal.number):
            yield str(refusal)
        totals = [f"{count} {outcome.value}" for outcome, count in self.counts.items()]
        yield f"{', '.join(totals)}, {len(self.refusals)} refused"


def import_rows(
    rows: Iterable[Row | Refusal],
    get_owner: Callable[[], User],
    report: ImportReport,
    *,
    dry_run: bool = False,
) -> None:
    """Import rows as moments of the owner, and record the result of each row in ``report``.

    ``get_owner`` is called in the transaction of each batch, because it may
    create the account. A dry run writes each batch and rolls it back, so it
    leaves no account behind either.

    Raises TimelineBusy if the days of a batch stay locked. The batches before
    it stay written and are in the report, and the import can be repeated.
    """
    state = DryRun() if dry_run else None
    for batch in _split_into_batches(_skip_duplicates(rows, report)):
        for outcome in _import_batch(batch, get_owner, state):
            report.record(outcome)
    if not dry_run:
        rollups.fold()


class DryRun:
    """What the batches of a dry run would have changed, if they were not rolled back."""

    def __init__(self) -> None:
        self._occupied: list[Span] = []  # sorted, disjoint
        self._moved: set[int] = set()  # moments that would be elsewhere now

    def check(self, span: Span) -> None:
        """Raise SpanTaken if the span overlaps that of an earlier row."""
        at = bisect_left(self._occupied, span)
        for other in self._occupied[max(at - 1, 0) : at + 1]:
            if other.starts_at < span.ends_at and span.starts_at < other.ends_at:
                raise SpanTaken

    def would_be_free(self, moment: Moment) -> bool:
        """Return whether every moment that overlaps this one would have moved away."""
        others = Moment.objects.occupying().overlapping(moment.starts_at, moment.ends_at)
        return not others.exclude(pk__in={moment.pk, *self._moved}).exists()

    def record(self, moment: Moment, *, is_moved: bool) -> None:
        """Remember that a row was written."""
        insort(self._occupied, moment.span)
        if is_moved:
            self._moved.add(moment.pk)


def _skip_duplicates(rows: Iterable[Row | Refusal], report: ImportReport) -> Iterator[Row]:
    """Yield rows with an ``external_id`` that did not occur before. Report the others as refused."""
    numbers: dict[str, int] = {}  # the first row with each external_id
    for row in rows:
        if isinstance(row, Refusal):
            report.record(row)
            continue
        first = numbers.setdefault(row.moment.external_id, row.number)
        if first == row.number:
            yield row
        else:
            reason = f"Its external_id stands in row {first} already."
            report.record(Refusal(row.number, reason, row.moment.external_id))


def _split_into_batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


@retry_on_conflict
def _import_batch(
    rows: list[Row], get_owner: Callable[[], User], dry_run: DryRun | None
) -> list[Outcome | Refusal]:
    with transaction.atomic():
        batch = _Batch(get_owner(), rows, dry_run)
        with lock_spans(batch.list_spans()):
            outcomes = [batch.import_row(row) for row in rows]
        if dry_run:
            transaction.set_rollback(True)
    return outcomes


class _Batch:
    """Rows that are written in one transaction, with the moments and tags that they refer to."""

    def __init__(self, owner: User, rows: list[Row], dry_run: DryRun | None) -> None:
        self._owner = owner
        self._rows = rows
        self._dry_run = dry_run
        self._existing: dict[str, Moment] = {
            moment.external_id: moment
            for moment in Moment.objects.filter(
                user=owner, external_id__in=[row.moment.external_id for row in rows]
            ).prefetch_related("tags")
        }
        self._tags = get_or_create_tags({name for row in rows for name in row.tags})

    def list_spans(self) -> list[Span]:
        """Return every span that may change: those of the rows, and those that existing moments leave."""
        moments = (*(row.moment for row in self._rows), *self._existing.values())
        return [moment.span for moment in moments]

    def import_row(self, row: Row) -> Outcome | Refusal:
        """Write one row, unless it is unchanged or refused."""
        existing = self._existing.get(row.moment.external_id)
        try:
            return self._update(row, existing) if existing else self._create(row)
        except (SpanTaken, RowRefused) as error:
            reason = str(error)
        except (IntegrityError, DataError) as error:
            reason = f"The database refuses it ({type(error).__name__})."
        return Refusal(row.number, reason, row.moment.external_id)

    def _create(self, row: Row) -> Outcome:
        row.moment.user = self._owner
        self._write(row.moment, row.tags, is_new=True)
        return Outcome.CREATED

    def _update(self, row: Row, moment: Moment) -> Outcome:
        if moment.status != Status.ACTIVE:
            raise RowRefused(f"This moment is {moment.status}; an import does not bring it back.")
        is_moved = any(getattr(moment, name) != getattr(row.moment, name) for name in TIME_FIELDS)
        is_changed = is_moved or any(
            getattr(moment, name) != getattr(row.moment, name) for name in TEXT_FIELDS
        )
        if not is_changed and {tag.name for tag in moment.tags.all()} == set(row.tags):
            return Outcome.UNCHANGED
        for name in (*TEXT_FIELDS, *TIME_FIELDS):
            setattr(moment, name, getattr(row.moment, name))
        moment.record_utc_offset()
        self._write(moment, row.tags, is_moved=is_moved)
        return Outcome.UPDATED

    def _write(
        self, moment: Moment, tags: tuple[str, ...], *, is_new: bool = False, is_moved: bool = False
    ) -> None:
        """Save a moment in a savepoint. Raises SpanTaken."""
        if self._dry_run and (is_new or is_moved):
            self._dry_run.check(moment.span)
        try:
            with transaction.atomic():
                _save(moment, [self._tags[name] for name in tags], is_new=is_new)
        except IntegrityError as error:
            if not is_overlap_error(error):
                raise
            if not (self._dry_run and self._dry_run.would_be_free(moment)):
                raise SpanTaken from error
        if self._dry_run and (is_new or is_moved):
            self._dry_run.record(moment, is_moved=is_moved)


def _save(moment: Moment, tags: list[Tag], *, is_new: bool) -> None:
    if is_new:
        moment.save(force_insert=True)
    else:
        # No other field: only the owner decides who may see the moment.
        moment.save(
            update_fields=[*TEXT_FIELDS, *TIME_FIELDS, "utc_offset", "tzdata_version", "updated_at"]
        )
    set_tags(moment, tags, replace=not is_new)
