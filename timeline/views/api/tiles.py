"""The API's endpoints for charts: a tile of counts, and the free intervals of an hour."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from momentverse.page_cache import TIMELINE
from timeline.core.periods import Level, get_period
from timeline.core.spans import format_instant
from timeline.selectors.availability import free_intervals, occupied_intervals
from timeline.selectors.tiles import get_tile
from timeline.views.api.parameters import parse_at
from timeline.views.api.responses import public_api, success_response


@public_api(TIMELINE, parameters=["at"])
def density(request: HttpRequest, level: str) -> HttpResponse:
    """Return the periods of a level around an instant that are not empty."""
    try:
        tile = get_tile(Level(level), parse_at(request))
    except ValueError:
        levels = ", ".join(level.value for level in Level)
        raise Http404(f"Counts are by one of: {levels}.") from None
    return success_response(
        {
            "level": tile.level.value,
            "starts_at": format_instant(tile.start),
            "ends_at": format_instant(tile.end),
            "parts": [
                {
                    "starts_at": format_instant(start),
                    "moments": tally.moments,
                    "seconds": tally.seconds,
                }
                for start, tally in tile.get_tallies()
            ],
        }
    )


@public_api(TIMELINE, parameters=["at"])
def free(request: HttpRequest) -> HttpResponse:
    """Return the free intervals of the hour around an instant."""
    hour = get_period(Level.HOUR, parse_at(request))
    occupied, known_until = occupied_intervals(hour.starts_at, hour.ends_at)
    return success_response(
        {
            "starts_at": format_instant(hour.starts_at),
            "ends_at": format_instant(hour.ends_at),
            "free": [
                {"starts_at": format_instant(start), "ends_at": format_instant(end)}
                for start, end in free_intervals(occupied, hour.starts_at, known_until)
            ],
        }
    )
