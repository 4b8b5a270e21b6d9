"""The page of trending moments."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import TRENDING, public_page
from timeline.selectors.trending import list_trending


@require_safe
@public_page(TRENDING, parameters=())
def trending(request: HttpRequest) -> HttpResponse:
    """Show the moments with the most recent likes."""
    return render(request, "timeline/trending.html", {"moments": list_trending(request.user)})
