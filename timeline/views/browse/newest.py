"""The list of the whole timeline, newest first."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.core.exceptions import InvalidInstant
from timeline.core.periods import Level, NoSuchPeriod, Period, get_period
from timeline.core.spans import format_instant, parse_instant_in_window
from timeline.selectors.moments import list_newest
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor


@require_safe
@public_page(TIMELINE, parameters=("date", *CURSOR_PARAMS))
def newest(request: HttpRequest) -> HttpResponse:
    """Show a page of the timeline; ``?date=`` redirects to the page of that day."""
    if date := request.GET.get("date"):
        return redirect(_parse_day(date).url)
    cursor = parse_cursor(request)
    page = list_newest(request.user, cursor)
    return render(
        request,
        "timeline/newest.html",
        {
            **pagination_context(page, cursor),
            # The end of the day instead of the current time, so that the page stays the same all day.
            "present": format_instant(get_period(Level.DAY, timezone.now()).ends_at),
        },
    )


def _parse_day(date: str) -> Period:
    try:
        day = parse_instant_in_window(date).date()
        return Period.of(day.year, day.month, day.day)
    except (InvalidInstant, NoSuchPeriod) as error:
        raise BadRequest(f"“date” is not a day of the timeline. {error}") from None
