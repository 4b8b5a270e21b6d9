"""Keyset pagination: cursors and pages."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, QuerySet

from timeline.models import Moment

Row = TypeVar("Row", bound=Model)


PAGE_SIZE = 50


@dataclass(frozen=True)
class Cut:
    """Where a page is cut: only what is before, or only what is after, an instant."""

    before: dt.datetime | None = None
    after: dt.datetime | None = None


@dataclass(frozen=True)
class Page:
    """Some moments in order, and whether there are more on either side."""

    moments: list[Moment]
    has_earlier: bool
    has_later: bool

    @property
    def earliest(self) -> dt.datetime | None:
        """Start of the earliest moment shown: cut before it for the earlier page."""
        return min((moment.starts_at for moment in self.moments), default=None)

    @property
    def latest(self) -> dt.datetime | None:
        """Start of the latest moment shown: cut after it for the later page."""
        return max((moment.starts_at for moment in self.moments), default=None)


def _first(rows: QuerySet[Row], size: int) -> tuple[list[Row], bool]:
    """Return the first ``size`` rows, and whether there are more; reads one more to know."""
    found = list(rows[: size + 1])
    return found[:size], len(found) > size
