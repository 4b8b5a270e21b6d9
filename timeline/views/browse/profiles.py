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
from timeline.selectors.pagination import Cut
from timeline.selectors.profiles import person
from timeline.selectors.rollups import NOTHING, Tally
from timeline.views.charts.heatmap import Cell, cells_of
from timeline.views.pagination import CUTS, cut_of, shown

# With more years than that the chart shows centuries.
YEARS_SHOWN = 40


@require_safe
@public_page(PROFILES, TIMELINE, parameters=CUTS)
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Show a person's public figures, and those of their moments that the viewer may see, newest first."""
    owner = person(handle)
    if handle != owner.handle:
        return redirect("timeline:profile", owner.handle, permanent=True)
    cut = cut_of(request)
    page = moments.newest_first(request.user, cut, owner=owner)
    figures = profiles.figures_of(owner) if cut == Cut() else None
    return render(
        request,
        "timeline/profile.html",
        {
            "owner": owner,
            "is_own": owner.pk == request.user.pk,
            "figures": figures,
            "cells": _chart(figures.years) if figures else [],
            **shown(page, cut),
        },
    )


def _chart(years: list[tuple[int, Tally]]) -> list[Cell]:
    """Return a cell a year, or a century where there are many; each leads to that place of the list."""
    parts = [(Period.of(year), tally) for year, tally in years]
    if len(parts) > YEARS_SHOWN:
        parts = [
            (century, sum((tally for _, tally in group), start=NOTHING))
            for century, group in groupby(parts, key=lambda part: part[0].ancestors[0])
        ]
    return [
        replace(cell, url=f"?before={format_instant(period.ends_at)}")
        for cell, (period, _) in zip(cells_of(parts), parts, strict=True)
    ]
