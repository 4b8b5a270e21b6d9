"""Keyset pagination, for every list of the site.

A list is ordered by a unique key: a start, a name, an instant of creation. A
page begins strictly before or strictly after such a key, never at an OFFSET,
and nothing is counted. So a page costs the same however deep it lies, rows that
come or go meanwhile neither repeat nor skip others, and the row whose key is
the cursor need not exist any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

PAGE_SIZE = 50

Key = TypeVar("Key")
Row = TypeVar("Row")
ModelRow = TypeVar("ModelRow", bound=Model)


@dataclass(frozen=True)
class Cursor(Generic[Key]):
    """Where a page begins: only keys below ``before``, or only keys above ``after``."""

    before: Key | None = None
    after: Key | None = None

    @property
    def is_first_page(self) -> bool:
        """Whether the page begins where the list begins."""
        return self.before is None and self.after is None


@dataclass(frozen=True)
class Page(Generic[Row, Key]):
    """Some rows of a list in its order, and the keys of the cursors to the pages on both sides."""

    rows: list[Row]
    before: Key | None = None  # the lowest key here; None when no row lies below it
    after: Key | None = None  # the highest key here; None when no row lies above it

    @property
    def moments(self) -> list[Row]:
        """The rows, for templates."""
        return self.rows


def paginate(
    rows: QuerySet[ModelRow],
    key: str,
    cursor: Cursor[Key],
    *,
    size: int = PAGE_SIZE,
    descending: bool = False,
    get_key: Callable[[ModelRow], Key] | None = None,
) -> Page[ModelRow, Key]:
    """Return the page of ``rows``, ordered by the field or alias ``key``, at a cursor. Reads size + 1 rows.

    ``get_key`` returns the key of a row, by default its attribute of that name.
    """
    if cursor.before is not None:
        rows = rows.filter(**{f"{key}__lt": cursor.before})
    if cursor.after is not None:
        rows = rows.filter(**{f"{key}__gt": cursor.after})
    # Read away from the cursor, so that the rows next to it are the ones that are read.
    reads_down = cursor.after is None if descending else cursor.before is not None
    ordered = rows.order_by(f"-{key}" if reads_down else key)
    found, has_more = split_page(list(ordered[: size + 1]), size)
    if not found:
        return Page([])
    first, last = map(get_key or attrgetter(key), (found[0], found[-1]))
    if reads_down:
        before, after = last if has_more else None, first if cursor.before is not None else None
    else:
        before, after = first if cursor.after is not None else None, last if has_more else None
    return Page(found if reads_down is descending else found[::-1], before, after)


def split_page(rows: Sequence[Row], size: int) -> tuple[list[Row], bool]:
    """Return the first ``size`` of up to size + 1 rows, and whether there are more."""
    return list(rows[:size]), len(rows) > size
