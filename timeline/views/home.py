"""The home page."""

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
from timeline.selectors import rollups, trending
from timeline.selectors.moments import get_neighbours_of_instant, list_on_day_of_year
from timeline.selectors.rollups import Tally
from timeline.views.charts.heatmap import build_cells

MAX_RECENT = 5
MAX_ON_THIS_DAY = 5
MAX_TRENDING = 5


@require_safe
@public_page(TIMELINE, parameters=())
def home(request: HttpRequest) -> HttpResponse:
    """Show the present between its neighbours, recent moments, and this day in other years."""
    now = timezone.now().replace(microsecond=0)
    recent, following = get_neighbours_of_instant(request.user, now, size=MAX_RECENT)
    total, centuries = rollups.get_timeline_tally_with_centuries()
    return render(
        request,
        "timeline/home.html",
        {
            "now": {
                "iso": format_instant(now),
                "day": format_day(now),
                "time": f"{now:%H:%M:%S}",
            },
            # Moments do not overlap, so only the one that started last can still be running.
            "going_on": bool(recent) and recent[0].ends_at > now,
            "lately": _with_relative_times(recent, now),
            # Continue at the last one shown, not at the current second, so that many visitors
            # request the same URL and the cache can answer it.
            "before": recent[-1].starts_iso if len(recent) == MAX_RECENT else "",
            "following": _with_relative_times([following] if following else [], now),
            "today": list_on_day_of_year(request.user, now.month, now.day, size=MAX_ON_THIS_DAY),
            "liked": trending.list_trending(request.user, MAX_TRENDING, tags=False),
            "figures": build_figures(total),
            "cells": build_cells((century, tally) for century, tally in centuries if tally.moments),
        },
    )


def build_figures(total: Tally) -> list[tuple[str, str]]:
    """Return the timeline's totals as pairs of a formatted number and its label."""
    seconds = int((WINDOW_END - WINDOW_START).total_seconds())
    return [
        (f"{total.moments:,}", "public moment" if total.moments == 1 else "public moments"),
        (f"{total.seconds:,}", "second claimed" if total.seconds == 1 else "seconds claimed"),
        (f"{seconds:,}", "seconds there are, from the year 1 to 9999"),
    ]


def _with_relative_times(moments: Iterable[Moment], now: dt.datetime) -> list[tuple[Moment, str]]:
    return [
        (moment, format_relative_time(moment.starts_at, moment.ends_at, now)) for moment in moments
    ]
