"""Security headers that neither Django nor django-csp sets, and addresses that nobody needs."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class SecurityHeadersMiddleware:
    """Adds Permissions-Policy, CORP, where violations are reported and, where browsers take it, COOP.

    Browsers ignore COOP on plain http and report it as an error in the
    console, except on localhost.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the headers added."""
        response = self.get_response(request)
        if response.status_code == 304:
            # What the first answer said holds on; a browser puts a 304's headers in its place.
            del response["Content-Security-Policy"]
            return response
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Reporting-Endpoints", f'csp="{settings.CSP_REPORTS_PATH}"')
        if settings.SECURE:
            response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


class UnreadableTextMiddleware:
    """Refuses what no page of ours can store or show again, before anything looks at it.

    A NUL character in an address or a cookie, which PostgreSQL cannot compare
    (forms refuse it by themselves); and a body in another encoding than UTF-8,
    some of which make half characters.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, or raise BadRequest."""
        in_address = "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")
        if in_address or any("\0" in value for value in request.COOKIES.values()):
            raise BadRequest
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8"):
            raise BadRequest("Send it in UTF-8.")
        return self.get_response(request)
