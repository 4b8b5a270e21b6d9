"""The sky: a chart of the stars that the naked eye sees, a page for each, and their data for the 3D view."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import STATIC_PAGES, public_page
from timeline.stars.catalogue import NAKED_EYE_LIMIT, get_proper_names, get_star, list_visible_stars
from timeline.stars.chart import (
    HUES,
    build_dot,
    format_light_years,
    format_position,
    get_departure_year,
    list_linked_dots,
    pack_stars,
    render_faint_stars,
)

# The catalogue changes with a release: a browser that has seen one page of stars need not ask for the next.
BROWSER_CACHE_SECONDS = 86_400


@require_safe
@public_page(STATIC_PAGES, parameters=())
def sky(request: HttpRequest) -> HttpResponse:
    """Show the whole sky."""
    named = [one for one in list_visible_stars() if one.hip in get_proper_names()]
    return render(
        request,
        "timeline/stars.html",
        {"dots": list_linked_dots(), "named": named, "seen": len(list_visible_stars())},
    )


@require_safe
@public_page(STATIC_PAGES, parameters=())
def star(request: HttpRequest, hip: str) -> HttpResponse:
    """Show one star of the catalogue, by its HIP number."""
    found = get_star(int(hip))
    if found is None:
        raise Http404("The Hipparcos catalogue has no star of this number.")
    return render(
        request,
        "timeline/star.html",
        {
            "star": found,
            "mark": build_dot(found),
            "dots": list_linked_dots(),
            "hue": HUES[found.hue],
            "place": format_position(found),
            "light_years": format_light_years(found),
            "temperature": f"{round(found.temperature, -2):,.0f}",
            "departure": get_departure_year(found, timezone.now().year),
            "seen": found.magnitude <= NAKED_EYE_LIMIT,
        },
    )


@require_safe
@public_page(STATIC_PAGES, parameters=(), browser_seconds=BROWSER_CACHE_SECONDS)
def faint_stars(request: HttpRequest) -> HttpResponse:
    """Answer the chart's fainter stars as an image."""
    return HttpResponse(render_faint_stars(), content_type="image/svg+xml")


@require_safe
@public_page(STATIC_PAGES, parameters=(), browser_seconds=BROWSER_CACHE_SECONDS)
def packed_stars(request: HttpRequest) -> HttpResponse:
    """Answer what the 3D view draws: numbers, directions, distances, magnitudes, hues, one array each."""
    return HttpResponse(pack_stars(), content_type="application/octet-stream")
