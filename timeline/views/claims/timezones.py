"""The page that lists all time zones. The form's suggestions are fetched from it as well."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import STATIC_PAGES, public_page
from timeline.core.timezones import list_populated_zones


@require_safe
@public_page(STATIC_PAGES, parameters=())
def list_timezones(request: HttpRequest) -> HttpResponse:
    """Show all places by name. Each links to the claim form with its time zone filled in."""
    zones = sorted(list_populated_zones(), key=lambda zone: (zone.place, zone.country))
    return render(request, "timeline/claim/time_zones.html", {"zones": zones})
