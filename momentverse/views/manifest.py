"""The web app manifest: the name, icons and colours of the installed site."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from momentverse.page_cache import STATIC_PAGES, public_page

NIGHT_SKY = "#0b1024"  # as in the icons


@require_safe
@public_page(STATIC_PAGES, parameters=())
def manifest(request: HttpRequest) -> HttpResponse:
    """Return the manifest. Its icons have hashed names, like all static files."""
    return JsonResponse(
        {
            "id": "/",
            "name": "MomentVerse",
            "short_name": "MomentVerse",
            "description": "One timeline, shared by everybody.",
            "lang": "en",
            "start_url": "/",
            "scope": "/",
            "display": "minimal-ui",
            "background_color": NIGHT_SKY,
            "theme_color": NIGHT_SKY,
            "icons": [
                _icon("icon-192.png", "192x192"),
                _icon("icon-512.png", "512x512"),
                _icon("icon-maskable-512.png", "512x512", purpose="maskable"),
            ],
            "shortcuts": [
                {"name": "Claim a moment", "url": "/claim/"},
                {"name": "This day in every year", "url": "/today/"},
            ],
        },
        content_type="application/manifest+json",
    )


def _icon(name: str, sizes: str, purpose: str = "any") -> dict[str, str]:
    return {"src": static(f"img/{name}"), "sizes": sizes, "type": "image/png", "purpose": purpose}
