"""What every template may use."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest

# The parameters that make another page of an address; all others change nothing.
CURSOR_PARAMS = ("before", "after")


def site(request: HttpRequest) -> dict[str, str]:
    """Add the site's origin, and the page's canonical address: with the path, and where a list is cut."""
    cut = {name: request.GET[name] for name in CURSOR_PARAMS if name in request.GET}
    query = f"?{urlencode(cut, safe=':')}" if cut else ""
    return {
        "site_url": settings.SITE_URL,
        "canonical_url": settings.SITE_URL + request.path + query,
    }
