"""Middleware for every request: logging, HEAD, security headers, error pages, input checks.

The classes are in the order of ``settings.MIDDLEWARE``, outermost first. Middleware that belongs
to one subject is next to it: ``page_cache``, ``db.replica``, ``ratelimit``, ``accounts.throttling``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from momentverse.http.errors import error_response, handle_expected_failure
from momentverse.logging import REQUEST_ID_HEADER, log_request, new_request_id, request_id

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Browser features that no page uses, for itself or for frames in it.
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


class RequestLogMiddleware:
    """Gives each request an id, and logs one line once it has been answered."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = request_id.set(new_request_id())
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response[REQUEST_ID_HEADER] = request_id.get()
            log_request(request.method, request.path, response.status_code, started)
            return response
        finally:
            request_id.reset(token)


class HeadMiddleware:
    """Removes the body of a response to HEAD, and keeps its Content-Length.

    Django leaves this to the server, and gunicorn logs a warning for each body that it removes.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class SecurityHeadersMiddleware:
    """Adds the security headers that neither Django nor django-csp sets.

    These are Permissions-Policy, CORP, the address for reports and, under https, COOP. Browsers
    ignore COOP on plain http and report it as an error in the console, except on localhost.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 304:
            # The browser keeps the headers of the first response, unless those of the 304 replace them.
            del response["Content-Security-Policy"]
            return response
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("Reporting-Endpoints", f'csp="{settings.CSP_REPORTS_PATH}"')
        if settings.SECURE:
            response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


class ErrorPagesMiddleware:
    """Gives an empty 405 its page, and a failing database its status.

    Failures inside other middleware (a session that cannot be read) reach ``server_error``
    instead. Both call ``handle_expected_failure``.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 405 and not getattr(response, "content", b"-"):
            allowed = response.get("Allow", "")
            response = error_response(
                request, 405, f"This address takes {allowed}." if allowed else ""
            )
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer an expected failure; Django passes any other on to ``server_error``."""
        return handle_expected_failure(request, exception)


class UnreadableTextMiddleware:
    """Rejects text that no page can store or show, before any other code reads it.

    That is a NUL character in a URL or a cookie, which PostgreSQL cannot compare (forms reject it
    themselves), and a body that is not in UTF-8: some encodings produce half characters.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Raise BadRequest for such text."""
        in_url = "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")
        if in_url or any("\0" in value for value in request.COOKIES.values()):
            raise BadRequest
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8"):
            raise BadRequest("Send it in UTF-8.")
        return self.get_response(request)


class CookielessMiddleware:
    """Removes cookies from requests and responses below ``settings.COOKIELESS``.

    Other sites embed these pages, and we must not recognise the visitors of other sites.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(settings.COOKIELESS):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.COOKIES = {}
        response = self.get_response(request)
        response.cookies.clear()
        return response
