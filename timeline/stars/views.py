"""The sky: a chart of the stars that the naked eye sees, a page for each, and their data for the 3D view."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import STATIC_PAGES, public_page
from timeline.stars.catalogue import FAINTEST_SEEN, names, seen_stars, star
from timeline.stars.chart import (
    HUES,
    _faint,
    _packed,
    departure_of_light,
    distance_in_words,
    dot_of,
    linked_dots,
    place_in_words,
)

# The catalogue changes with a release: a browser that has seen one page of stars need not ask for the next.
A_DAY = 86_400


@require_safe
@public_page(STATIC_PAGES, parameters=())
def sky(request: HttpRequest) -> HttpResponse:
    """Show the whole sky."""
    named = [one for one in seen_stars() if one.hip in names()]
    return render(
        request,
        "timeline/stars.html",
        {"dots": linked_dots(), "named": named, "seen": len(seen_stars())},
    )


@require_safe
@public_page(STATIC_PAGES, parameters=())
def one_star(request: HttpRequest, hip: str) -> HttpResponse:
    """Show one star of the catalogue, by its HIP number."""
    found = star(int(hip))
    if found is None:
        raise Http404("The Hipparcos catalogue has no star of this number.")
    return render(
        request,
        "timeline/star.html",
        {
            "star": found,
            "mark": dot_of(found),
            "dots": linked_dots(),
            "hue": HUES[found.hue],
            "place": place_in_words(found),
            "light_years": distance_in_words(found),
            "temperature": f"{round(found.temperature, -2):,.0f}",
            "departure": departure_of_light(found, timezone.now().year),
            "seen": found.magnitude <= FAINTEST_SEEN,
        },
    )


@require_safe
@public_page(STATIC_PAGES, parameters=(), browser_seconds=A_DAY)
def faint(request: HttpRequest) -> HttpResponse:
    """Answer the chart's fainter stars as an image."""
    return HttpResponse(_faint(), content_type="image/svg+xml")


@require_safe
@public_page(STATIC_PAGES, parameters=(), browser_seconds=A_DAY)
def packed(request: HttpRequest) -> HttpResponse:
    """Answer what the 3D view draws: numbers, directions, distances, magnitudes, hues, one array each."""
    return HttpResponse(_packed(), content_type="application/octet-stream")
