"""The API's endpoints for periods: a century, year, month, day or hour with its children."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.http import Http404, HttpRequest, HttpResponse

from momentverse.page_cache import TIMELINE
from timeline.core.periods import NoSuchPeriod, Period
from timeline.core.spans import WINDOW_END, WINDOW_START, format_instant
from timeline.selectors import rollups
from timeline.selectors.rollups import Tally
from timeline.views.api.responses import JsonObject, public_api, success_response

ROOT_PATH = "/api/periods"

_CENTURY = re.compile(r"[1-9][0-9]{0,2}")
_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}){0,3}")


@public_api(TIMELINE)
def whole_timeline(request: HttpRequest) -> HttpResponse:
    """Return the whole timeline with its centuries."""
    tally, centuries = rollups.get_timeline_tally_with_centuries()
    return success_response(
        {
            "name": "The timeline",
            "level": "timeline",
            "url": ROOT_PATH,
            "starts_at": format_instant(WINDOW_START),
            "ends_at": format_instant(WINDOW_END),
            "moments": tally.moments,
            "seconds": tally.seconds,
            "claimed": tally.claimed_share(WINDOW_START, WINDOW_END),
            "previous": None,
            "next": None,
            "parent": None,
            "parts": [_serialize_period(*century) for century in centuries],
        }
    )


@public_api(TIMELINE)
def century(request: HttpRequest, number: str) -> HttpResponse:
    """Return a century with its years."""
    if not _CENTURY.fullmatch(number):
        raise Http404("A century is a number from 1 to 100, such as 20.")
    try:
        period = Period.century(int(number))
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None
    return success_response(_serialize_with_children(period))


@public_api(TIMELINE)
def calendar_period(request: HttpRequest, **digits: str) -> HttpResponse:
    """Return a year, month, day or hour with its children."""
    return success_response(_serialize_with_children(_parse_period(digits.values())))


def _parse_period(digits: Iterable[str]) -> Period:
    digits = list(digits)
    if not _DATE.fullmatch("-".join(digits)):
        raise Http404(
            "Name a period by four digits for the year and two for each part: 1969/07/20/20."
        )
    try:
        return Period.of(*map(int, digits))
    except NoSuchPeriod as error:
        raise Http404(str(error)) from None


def _serialize_with_children(period: Period) -> JsonObject:
    tally, children = rollups.get_tally_with_children(period)
    return {
        **_serialize_period(period, tally),
        "previous": _path_of(period.previous) if period.previous else None,
        "next": _path_of(period.next) if period.next else None,
        "parent": _path_of(period.parent) if period.parent else ROOT_PATH,
        "parts": [_serialize_period(*child) for child in children],
    }


def _serialize_period(period: Period, tally: Tally) -> JsonObject:
    return {
        "name": period.name,
        "level": period.level.value,
        "url": _path_of(period),
        "starts_at": format_instant(period.starts_at),
        "ends_at": format_instant(period.ends_at),
        "moments": tally.moments,
        "seconds": tally.seconds,
        "claimed": tally.claimed_share(period.starts_at, period.ends_at),
    }


def _path_of(period: Period) -> str:
    """Return the API's path of a period: the path of its page below another root, without the last slash."""
    return ROOT_PATH + period.url.removeprefix("/timeline").removesuffix("/")
