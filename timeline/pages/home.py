"""The home page: what this is, now, and ways in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline import reading, rollups
from timeline.pages.charts import cells_of

SHOWN_TODAY = 5
SHOWN_TAGS = 24


@require_safe
@public_page(TIMELINE, parameters=())
def home(request: HttpRequest) -> HttpResponse:
    """Show the present second's moment, this day in other years, the centuries, some tags."""
    now = timezone.now().replace(microsecond=0)
    earlier, later = reading.around(request.user, now)
    today = reading.on_day_of_year(request.user, now.month, now.day, size=SHOWN_TODAY)
    centuries = [part for part in rollups.tallied_timeline()[1] if part[1].moments]
    return render(
        request,
        "timeline/home.html",
        {
            "now": now,
            # Moments do not overlap: only the last to begin can still be going on.
            "going_on": earlier is not None and earlier.ends_at > now,
            "earlier": earlier,
            "later": later,
            "today": today,
            "cells": cells_of(centuries),
            "tags": reading.tags_in_use(request.user, size=SHOWN_TAGS)[0],
        },
    )
