"""Century, year, month, day and hour: a chart of the parts, and the moments inside."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE_SECONDS, public_page
from timeline import reading, rollups
from timeline.pages.charts import cells_of, claimed_in_words, weekday_offset
from timeline.pages.cutting import cut_of, earlier_address, later_address
from timeline.periods import Level, NoSuchPeriod, Period
from timeline.words import WEEKDAYS


@require_safe
@public_page(TIMELINE_SECONDS)
def centuries(request: HttpRequest) -> HttpResponse:
    """Show all centuries."""
    return render(
        request, "timeline/centuries.html", {"cells": cells_of(rollups.tallied_centuries())}
    )


@require_safe
@public_page(TIMELINE_SECONDS)
def century(request: HttpRequest, number: int) -> HttpResponse:
    """Show one century, its years and its moments."""
    try:
        period = Period.century(number)
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None
    return _show(request, period)


@require_safe
@public_page(TIMELINE_SECONDS)
def calendar_period(
    request: HttpRequest,
    year: str,
    month: str | None = None,
    day: str | None = None,
    hour: str | None = None,
) -> HttpResponse:
    """Show one year, month, day or hour, its parts and its moments."""
    numbers = [int(number) for number in (year, month, day, hour) if number is not None]
    try:
        period = Period.of(*numbers)
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None
    return _show(request, period)


def _show(request: HttpRequest, period: Period) -> HttpResponse:
    parts = rollups.tallied_parts(period)
    tally = sum((tally for _, tally in parts), start=rollups.NOTHING)
    if not parts:
        tally = rollups.tally_of(period)
    page = reading.within(request.user, period.starts_at, period.ends_at, cut_of(request))
    return render(
        request,
        "timeline/period.html",
        {
            "period": period,
            "ancestors": period.ancestors,
            "previous": period.previous,
            "next": period.next,
            "tally": tally,
            "count": f"{tally.moments:,}",
            "claimed": claimed_in_words(period, tally),
            "cells": cells_of(parts),
            "offset": weekday_offset(period),
            "weekdays": WEEKDAYS if period.level is Level.MONTH else (),
            "page": page,
            "earlier_address": earlier_address(page),
            "later_address": later_address(page),
        },
    )
