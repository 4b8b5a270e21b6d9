"""Pagination for admin lists that never counts a whole table."""

from __future__ import annotations

from typing import cast

from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.utils.functional import cached_property

MAX_COUNT = 10_000


class CappedPaginator(Paginator):
    """Counts at most ``MAX_COUNT`` rows.

    Counting five million rows takes seconds, and nobody pages through ten thousand. Search and
    filters lead to the rows after that.
    """

    @cached_property
    def count(self) -> int:
        rows = cast(QuerySet[Model], self.object_list)
        return rows.order_by().values("pk")[:MAX_COUNT].count()


class LargeTableAdmin(ModelAdmin):
    """The base of a ModelAdmin whose table may grow to millions of rows."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
