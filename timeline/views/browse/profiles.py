"""The public profile page of a person."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.core.periods import Period
from timeline.core.spans import format_instant
from timeline.selectors.moments import list_newest
from timeline.selectors.profiles import get_profile_stats, get_user_by_handle
from timeline.selectors.rollups import Tally, sum_tallies
from timeline.views.charts.heatmap import Cell, build_cells
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor

# A person with moments in more years than this gets a chart of centuries.
MAX_YEARS = 40


@require_safe
@public_page(PROFILES, TIMELINE, parameters=CURSOR_PARAMS)
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Show a person's public statistics, and their moments that the viewer may see, newest first."""
    owner = get_user_by_handle(handle)
    if handle != owner.handle:
        return redirect("timeline:profile", owner.handle, permanent=True)
    cursor = parse_cursor(request)
    page = list_newest(request.user, cursor, owner=owner)
    stats = get_profile_stats(owner) if cursor.is_first_page else None
    return render(
        request,
        "timeline/profile.html",
        {
            "owner": owner,
            "is_own": owner.pk == request.user.pk,
            "figures": stats,
            "cells": _build_cells(stats.years) if stats else [],
            **pagination_context(page, cursor),
        },
    )


def _build_cells(years: list[tuple[int, Tally]]) -> list[Cell]:
    """Return a cell for each year, or for each century if there are many years.

    A cell links to that place in the list of moments.
    """
    tallies = [(Period.of(year), tally) for year, tally in years]
    if len(tallies) > MAX_YEARS:
        tallies = [
            (century, sum_tallies(group))
            for century, group in groupby(tallies, key=lambda pair: pair[0].ancestors[0])
        ]
    return [
        replace(cell, url=f"?before={format_instant(period.ends_at)}")
        for cell, (period, _) in zip(build_cells(tallies), tallies, strict=True)
    ]
