"""Variables that every template may use."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest

# The query parameters that lead to a different page; all others show the same page.
CURSOR_PARAMS = ("before", "after")


def site(request: HttpRequest) -> dict[str, str]:
    """Add the site's origin, and the page's canonical URL: its path and its place in a paged list."""
    cursor = {name: request.GET[name] for name in CURSOR_PARAMS if name in request.GET}
    query = f"?{urlencode(cursor, safe=':')}" if cursor else ""
    return {
        "site_url": settings.SITE_URL,
        "canonical_url": settings.SITE_URL + request.path + query,
    }
