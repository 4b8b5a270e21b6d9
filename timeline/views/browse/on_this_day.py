"""The moments of a day of the year, in any year."""

from __future__ import annotations

import datetime as dt

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.core.formatting import MONTH_NAMES
from timeline.selectors.moments import list_on_day_of_year
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor

# Any leap year, so that 29 February exists.
LEAP_YEAR = 2000
ONE_DAY = dt.timedelta(days=1)


@require_safe
@public_page(TIMELINE, parameters=CURSOR_PARAMS)
def today(request: HttpRequest) -> HttpResponse:
    """Show the moments of today's date (UTC) in any year."""
    now = timezone.now()
    return _render_day(request, dt.date(LEAP_YEAR, now.month, now.day), is_today=True)


@require_safe
@public_page(TIMELINE, parameters=CURSOR_PARAMS)
def day_of_year(request: HttpRequest, month: str, day: str) -> HttpResponse:
    """Show the moments of a date in any year."""
    try:
        date = dt.date(LEAP_YEAR, int(month), int(day))
    except ValueError:
        raise Http404("No year has such a day.") from None
    return _render_day(request, date, is_today=False)


def _render_day(request: HttpRequest, date: dt.date, *, is_today: bool) -> HttpResponse:
    cursor = parse_cursor(request)
    page = list_on_day_of_year(request.user, date.month, date.day, cursor)
    return render(
        request,
        "timeline/on_this_day.html",
        {
            "name": _format_day_of_year(date),
            "is_today": is_today,
            "previous": build_day_link(date - ONE_DAY),
            "next": build_day_link(date + ONE_DAY),
            **pagination_context(page, cursor),
        },
    )


def _format_day_of_year(date: dt.date) -> str:
    return f"{date.day} {MONTH_NAMES[date.month - 1]}"


def build_day_link(date: dt.date) -> dict[str, str]:
    """Return the name and the URL of the page of a date's day of the year."""
    return {"name": _format_day_of_year(date), "url": f"/today/{date.month:02}-{date.day:02}/"}
