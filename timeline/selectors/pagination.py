"""Keyset pagination, for every list of the site.

A list is ordered by a unique key, such as a start or a name, and a page begins
strictly before or strictly after a key. There is no OFFSET and no count, so
every page costs the same. Rows that are added or deleted while somebody reads
make no page repeat or skip others, and the row whose key is the cursor may be
gone.
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
    """The bound of a page: only keys below ``before``, or only keys above ``after``."""

    before: Key | None = None
    after: Key | None = None

    @property
    def is_first_page(self) -> bool:
        """Whether there is no bound."""
        return self.before is None and self.after is None


@dataclass(frozen=True)
class Page(Generic[Row, Key]):
    """Consecutive rows of a list, in its order, and the cursors of the pages on both sides.

    ``Cursor(before=page.before)`` continues with lower keys, and
    ``Cursor(after=page.after)`` with higher ones.
    """

    rows: list[Row]
    before: Key | None = None  # this page's lowest key; None if the list has no lower one
    after: Key | None = None  # this page's highest key; None if the list has no higher one


def paginate(
    rows: QuerySet[ModelRow],
    key: str,
    cursor: Cursor[Key],
    *,
    size: int = PAGE_SIZE,
    descending: bool = False,
    get_key: Callable[[ModelRow], Key] | None = None,
) -> Page[ModelRow, Key]:
    """Return one page of ``rows``, ordered by the field or alias ``key``. Reads size + 1 rows.

    ``get_key`` returns a row's key; the default reads the attribute ``key``.
    """
    if cursor.before is not None:
        rows = rows.filter(**{f"{key}__lt": cursor.before})
    if cursor.after is not None:
        rows = rows.filter(**{f"{key}__gt": cursor.after})
    # Read away from the cursor, whatever the list's order: the page is the rows next to the cursor.
    reads_down = cursor.after is None if descending else cursor.before is not None
    ordered = rows.order_by(f"-{key}" if reads_down else key)
    found, has_more = split_page(list(ordered[: size + 1]), size)
    if not found:
        return Page([])
    first, last = map(get_key or attrgetter(key), (found[0], found[-1]))
    onward = last if has_more else None
    # With a cursor, assume without another query that there are rows behind it: the page that led here.
    backward = None if cursor.is_first_page else first
    before, after = (onward, backward) if reads_down else (backward, onward)
    return Page(found if reads_down is descending else found[::-1], before, after)


def split_page(rows: Sequence[Row], size: int) -> tuple[list[Row], bool]:
    """Return the first ``size`` of up to size + 1 rows, and whether there are more."""
    return list(rows[:size]), len(rows) > size
