"""robots.txt and security.txt."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import STATIC_PAGES, public_page

# Forms and personal pages, with nothing to index.
DISALLOWED_PATHS = ("/accounts/", "/admin/", "/claim/", "/orders/")
# The first pages of those: people search for them, and each is a single URL.
ALLOWED_PATHS = ("/accounts/login/", "/accounts/signup/", "/claim/", "/claim/clocks/")
EXPIRES_AFTER_DAYS = 180


@require_safe
@public_page(STATIC_PAGES, parameters=())
def robots(request: HttpRequest) -> HttpResponse:
    """Exclude what is not worth indexing, and name the sitemap."""
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in DISALLOWED_PATHS),
        *(f"Allow: {path}$" for path in ALLOWED_PATHS),
        "",
        f"Sitemap: {settings.SITE_URL}/sitemap.xml",
    ]
    return _text_response(lines)


@require_safe
@public_page(STATIC_PAGES, parameters=())
def security(request: HttpRequest) -> HttpResponse:
    """Return whom to write to about a vulnerability (RFC 9116). The text changes once a month."""
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    expires = month + dt.timedelta(days=EXPIRES_AFTER_DAYS)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.SITE_URL}/.well-known/security.txt",
    ]
    return _text_response(lines)


def _text_response(lines: list[str]) -> HttpResponse:
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
