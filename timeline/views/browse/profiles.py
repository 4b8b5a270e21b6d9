"""The public page of a person: who they are, and their moments."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.core.periods import Period
from timeline.core.spans import format_instant
from timeline.selectors import moments, profiles
from timeline.selectors.profiles import get_user_by_handle
from timeline.selectors.rollups import EMPTY_TALLY, Tally
from timeline.views.charts.heatmap import Cell, build_cells
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor

# With more years than that the chart shows centuries.
MAX_YEARS = 40


@require_safe
@public_page(PROFILES, TIMELINE, parameters=CURSOR_PARAMS)
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Show a person's public figures, and those of their moments that the viewer may see, newest first."""
    owner = get_user_by_handle(handle)
    if handle != owner.handle:
        return redirect("timeline:profile", owner.handle, permanent=True)
    cursor = parse_cursor(request)
    page = moments.list_newest(request.user, cursor, owner=owner)
    figures = profiles.get_profile_stats(owner) if cursor.is_first_page else None
    return render(
        request,
        "timeline/profile.html",
        {
            "owner": owner,
            "is_own": owner.pk == request.user.pk,
            "figures": figures,
            "cells": _chart(figures.years) if figures else [],
            **pagination_context(page, cursor),
        },
    )


def _chart(years: list[tuple[int, Tally]]) -> list[Cell]:
    """Return a cell a year, or a century where there are many; each leads to that place of the list."""
    parts = [(Period.of(year), tally) for year, tally in years]
    if len(parts) > MAX_YEARS:
        parts = [
            (century, sum((tally for _, tally in group), start=EMPTY_TALLY))
            for century, group in groupby(parts, key=lambda part: part[0].ancestors[0])
        ]
    return [
        replace(cell, url=f"?before={format_instant(period.ends_at)}")
        for cell, (period, _) in zip(build_cells(parts), parts, strict=True)
    ]
