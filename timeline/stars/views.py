"""The sky: a chart of the stars visible to the naked eye, a page for each star, and data for the 3D view."""

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

# The catalogue only changes with a release, so a browser may keep these files for a day.
BROWSER_CACHE_SECONDS = 86_400


@require_safe
@public_page(STATIC_PAGES, parameters=())
def sky(request: HttpRequest) -> HttpResponse:
    """Show the whole sky."""
    named = [star for star in list_visible_stars() if star.hip in get_proper_names()]
    return render(
        request,
        "timeline/stars.html",
        {"dots": list_linked_dots(), "named": named, "seen": len(list_visible_stars())},
    )


@require_safe
@public_page(STATIC_PAGES, parameters=())
def star_detail(request: HttpRequest, hip: str) -> HttpResponse:
    """Show a star of the catalogue by its HIP number."""
    star = get_star(int(hip))
    if star is None:
        raise Http404("The Hipparcos catalogue has no star of this number.")
    return render(
        request,
        "timeline/star.html",
        {
            "star": star,
            "mark": build_dot(star),
            "dots": list_linked_dots(),
            "hue": HUES[star.hue],
            "place": format_position(star),
            "light_years": format_light_years(star),
            "temperature": f"{round(star.temperature, -2):,.0f}",
            "departure": get_departure_year(star, timezone.now().year),
            "seen": star.magnitude <= NAKED_EYE_LIMIT,
        },
    )


@require_safe
@public_page(STATIC_PAGES, parameters=(), browser_seconds=BROWSER_CACHE_SECONDS)
def faint_stars(request: HttpRequest) -> HttpResponse:
    """Return the image of the chart's fainter stars."""
    return HttpResponse(render_faint_stars(), content_type="image/svg+xml")


@require_safe
@public_page(STATIC_PAGES, parameters=(), browser_seconds=BROWSER_CACHE_SECONDS)
def packed_stars(request: HttpRequest) -> HttpResponse:
    """Return the stars for the 3D view: HIP numbers, directions, distances, magnitudes and hues."""
    return HttpResponse(pack_stars(), content_type="application/octet-stream")
