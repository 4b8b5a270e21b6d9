"""What every template may use."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, str]:
    """Add the page's canonical address, made from the configured origin and the path alone."""
    return {"canonical_url": settings.SITE_URL + request.path}
