"""Security headers that neither Django nor django-csp sets, and addresses that nobody needs."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from momentverse.http.errors import error_response, handle_expected_failure
from momentverse.logging import REQUEST_ID_HEADER, log_request, new_request_id, request_id

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


class HeadMiddleware:
    """Drops the body of an answer to HEAD, keeping its length in the header.

    Django leaves that to the server, and gunicorn warns of each body it drops.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, HttpResponse):
            response.setdefault("Content-Length", str(len(response.content)))
            response.content = b""
        return response


class CookielessMiddleware:
    """Takes the cookies off requests to ``COOKIELESS`` addresses, before anybody can look at them.

    Pages there are framed by others, whose visitors are nobody we should know.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer as if to a stranger."""
        if not request.path_info.startswith(settings.COOKIELESS):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.COOKIES = {}
        response = self.get_response(request)
        response.cookies.clear()
        return response


class RequestLogMiddleware:
    """Gives a request its id and logs one line when it has been answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and log that."""
        token = request_id.set(new_request_id())
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response[REQUEST_ID_HEADER] = request_id.get()
            log_request(request.method, request.path, response.status_code, started)
            return response
        finally:
            request_id.reset(token)


class ErrorPagesMiddleware:
    """Gives words to answers that Django leaves bare, and the right status to a failing database.

    Failures inside of other middlewares (a session that cannot be read) reach
    ``server_error`` instead; both ask ``expected_failure``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and give an empty 405 its page."""
        response = self.get_response(request)
        if response.status_code == 405 and not getattr(response, "content", b"-"):
            allowed = response.get("Allow", "")
            response = error_response(
                request, 405, f"This address takes {allowed}." if allowed else ""
            )
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what is expected to fail; the rest goes on to ``server_error``."""
        return handle_expected_failure(request, exception)
