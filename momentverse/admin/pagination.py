"""Admin lists that never count a whole table."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.utils.functional import cached_property

MAX_COUNT = 10_000


class CappedPaginator(Paginator):
    """Counts up to ``COUNT_CEILING`` rows and no further.

    Counting five million rows takes seconds; nobody leafs past ten thousand:
    they filter. Rows past the ceiling are reached by search and filters.
    """

    @cached_property
    def count(self) -> int:
        """Number of rows, at most the ceiling."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:MAX_COUNT].count())


class LargeTableAdmin(ModelAdmin):
    """What a ModelAdmin over a table that may grow to millions begins with."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
