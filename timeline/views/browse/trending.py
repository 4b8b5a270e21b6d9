"""What is liked lately."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import TRENDING, public_page
from timeline.selectors import trending as hot


@require_safe
@public_page(TRENDING, parameters=())
def trending(request: HttpRequest) -> HttpResponse:
    """Show the moments that most people like lately."""
    return render(request, "timeline/trending.html", {"moments": hot.list_trending(request.user)})
