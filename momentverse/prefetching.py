"""Tells browsers which links they may fetch when a pointer rests on them: of the timeline, and no others.

The rules are a static file: the policy allows none inside of a page.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.templatetags.static import static

RULES = "js/links.speculationrules"
# What browsers take rules by; for WhiteNoise, which serves them.
MIME_TYPES = {".speculationrules": "application/speculationrules+json"}


class SpeculationRulesMiddleware:
    """Adds Speculation-Rules to pages. The admin's links lead to nothing that they name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and name the rules if it is a page."""
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        if is_page and response.status_code == 200:
            response.setdefault("Speculation-Rules", f'"{static(RULES)}"')
        return response
