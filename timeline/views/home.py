"""The home page: what this is, now, and ways in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.core.formatting import format_day, format_relative_time
from timeline.core.spans import WINDOW_END, WINDOW_START, format_instant
from timeline.models import Moment
from timeline.selectors import moments as reading
from timeline.selectors import rollups, trending
from timeline.selectors.rollups import Tally
from timeline.views.charts.heatmap import build_cells

MAX_RECENT = 5
MAX_ON_THIS_DAY = 5
MAX_TRENDING = 5


@require_safe
@public_page(TIMELINE, parameters=())
def home(request: HttpRequest) -> HttpResponse:
    """Show the present second between its neighbours, what began lately, this day in other years."""
    now = timezone.now().replace(microsecond=0)
    lately, following = reading.get_neighbours_of_instant(request.user, now, size=MAX_RECENT)
    whole, centuries = rollups.get_timeline_tally_with_centuries()
    return render(
        request,
        "timeline/home.html",
        {
            "now": {
                "iso": format_instant(now),
                "day": format_day(now),
                "time": f"{now:%H:%M:%S}",
            },
            # Moments do not overlap: only the last to begin can still be going on.
            "going_on": bool(lately) and lately[0].ends_at > now,
            "lately": _with_distances(lately, now),
            # By the last one shown, not by the second that it is: an address that others ask for too.
            "before": lately[-1].starts_iso if len(lately) == MAX_RECENT else "",
            "following": _with_distances([following] if following else [], now),
            "today": reading.list_on_day_of_year(
                request.user, now.month, now.day, size=MAX_ON_THIS_DAY
            ),
            "liked": trending.list_trending(request.user, MAX_TRENDING, tags=False),
            "figures": build_figures(whole),
            "cells": build_cells(part for part in centuries if part[1].moments),
        },
    )


def build_figures(whole: Tally) -> list[tuple[str, str]]:
    """Return what the timeline holds, as pairs of a number and what it counts."""
    seconds = int((WINDOW_END - WINDOW_START).total_seconds())
    return [
        (f"{whole.moments:,}", "public moment" if whole.moments == 1 else "public moments"),
        (f"{whole.seconds:,}", "second claimed" if whole.seconds == 1 else "seconds claimed"),
        (f"{seconds:,}", "seconds there are, from the year 1 to 9999"),
    ]


def _with_distances(moments: Iterable[Moment], now: dt.datetime) -> list[tuple[Moment, str]]:
    return [
        (moment, format_relative_time(moment.starts_at, moment.ends_at, now)) for moment in moments
    ]
