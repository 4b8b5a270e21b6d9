"""Pages of a century, year, month, day or hour: a chart of its children, and its moments."""

from __future__ import annotations

import datetime as dt

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.core.formatting import WEEKDAY_ABBREVIATIONS
from timeline.core.periods import Level, NoSuchPeriod, Period
from timeline.models import Moment
from timeline.selectors import rollups
from timeline.selectors.availability import Interval
from timeline.selectors.moments import list_in_period
from timeline.selectors.pagination import PAGE_SIZE, Page
from timeline.selectors.rollups import PeriodTally
from timeline.views.charts.heatmap import build_cells, format_claimed_share, weekday_offset
from timeline.views.charts.svg import (
    WHOLE_TIMELINE,
    Chart,
    build_hour_chart,
    build_period_chart,
)
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor

# Moments on a century's page. It also has a chart and cells of a hundred years, and should still fit
# into the first packets that a server sends without waiting for the browser.
CENTURY_PAGE_SIZE = 25


@require_safe
@public_page(TIMELINE, parameters=())
def centuries(request: HttpRequest) -> HttpResponse:
    """Show all centuries."""
    _, tallies = rollups.get_timeline_tally_with_centuries()
    chart = build_period_chart(WHOLE_TIMELINE, tallies, timezone.now())
    return render(
        request, "timeline/centuries.html", {"cells": build_cells(tallies), "chart": chart}
    )


@require_safe
@public_page(TIMELINE, parameters=CURSOR_PARAMS)
def century(request: HttpRequest, number: str) -> HttpResponse:
    """Show a century, its years and its moments."""
    try:
        period = Period.century(int(number))
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None
    return _render_period(request, period)


@require_safe
@public_page(TIMELINE, parameters=CURSOR_PARAMS)
def calendar_period(
    request: HttpRequest,
    year: str,
    month: str | None = None,
    day: str | None = None,
    hour: str | None = None,
) -> HttpResponse:
    """Show a year, month, day or hour, its children and its moments."""
    numbers = [int(number) for number in (year, month, day, hour) if number is not None]
    try:
        period = Period.of(*numbers)
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None
    return _render_period(request, period)


def _render_period(request: HttpRequest, period: Period) -> HttpResponse:
    tally, children = rollups.get_tally_with_children(period)
    cursor = parse_cursor(request)
    size = CENTURY_PAGE_SIZE if period.level is Level.CENTURY else PAGE_SIZE
    page = list_in_period(request.user, period.starts_at, period.ends_at, cursor, size=size)
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
            "claimed": format_claimed_share(period, tally),
            "cells": build_cells(children),
            "chart": _build_chart(period, children, page),
            "offset": weekday_offset(period),
            "claim_date": period.first_day.isoformat()
            if period.level in (Level.DAY, Level.HOUR)
            else "",
            "weekdays": WEEKDAY_ABBREVIATIONS if period.level is Level.MONTH else (),
            **pagination_context(page, cursor),
        },
    )


def _build_chart(
    period: Period, children: list[PeriodTally], page: Page[Moment, dt.datetime]
) -> Chart:
    if period.level is Level.HOUR:
        return build_hour_chart(period, page.rows, timezone.now())
    return build_period_chart(Interval(period.starts_at, period.ends_at), children, timezone.now())
