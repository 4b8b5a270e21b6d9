"""Error responses: the JSON envelope below ``/api/``, a page of the site elsewhere.

Messages are written for people. They never contain the text of an exception that was not
raised to be shown.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    UnreadablePostError,
)
from django.template.loader import render_to_string

logger = logging.getLogger("momentverse.errors")

API_PREFIX = "/api/"
RETRY_DATABASE_AFTER_SECONDS = 5
# How Django's messages in `get_object_or_404` end. They name models, which helps no visitor.
GET_OBJECT_OR_404_SUFFIX = " matches the given query."


@dataclass(frozen=True)
class ErrorMessage:
    """What a visitor reads for one status code, and the code that a program reads."""

    code: str
    title: str
    message: str


MESSAGES = {
    400: ErrorMessage(
        "bad_request", "This request is not valid", "The request cannot be understood."
    ),
    403: ErrorMessage("forbidden", "Not allowed", "You are not allowed to do that."),
    404: ErrorMessage("not_found", "Nothing here", "There is no page at this address."),
    405: ErrorMessage(
        "method_not_allowed", "Method not allowed", "This address does not take that method."
    ),
    429: ErrorMessage(
        "too_many_requests", "A little slower", "Those were too many requests in a short time."
    ),
    500: ErrorMessage(
        "internal_error",
        "Our mistake",
        "Something went wrong on our side. It has been noted.",
    ),
    503: ErrorMessage(
        "unavailable",
        "Back in a moment",
        "The timeline cannot be reached right now. Nothing is lost.",
    ),
}


def is_api(request: HttpRequest) -> bool:
    """Return whether a request gets JSON, for errors as well."""
    return request.path.startswith(API_PREFIX)


def wants_json(request: HttpRequest) -> bool:
    """Return whether a form was sent by a script that prefers JSON.

    Always False for GET: those responses may be cached, and do not vary on ``Accept``.
    """
    types = ["text/html", "application/json"]
    return request.method == "POST" and request.get_preferred_type(types) == "application/json"


def error_response(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    """Return the error page, or the JSON envelope, for ``status``.

    ``detail`` is a sentence about this request. On a page it stands below the message; in the
    envelope it replaces the message.
    """
    text = MESSAGES[status]
    if is_api(request) or wants_json(request):
        message = detail or text.message
        response: HttpResponse = JsonResponse(
            {"ok": False, "error": {"code": text.code, "message": message}}, status=status
        )
    else:
        # No request context: an error page must not need a session, a user or the database.
        context = {"status": status, "title": text.title, "message": text.message, "detail": detail}
        try:
            page = str(render_to_string("errors/error.html", context))
        except Exception:
            # Whatever is wrong with the template (static files were not collected, say), people get
            # at least the text.
            logger.exception("the error page cannot be made")
            page = (
                f"<!doctype html><title>{text.title}</title><h1>{text.title}</h1><p>{text.message}"
            )
        response = HttpResponse(page, status=status)
    if status == 503:
        response["Retry-After"] = str(RETRY_DATABASE_AFTER_SECONDS)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle 400. The detail is the message of our own BadRequest, if it was one."""
    return error_response(request, 400, _public_message(exception, BadRequest))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle 403. The detail is the message of our own PermissionDenied."""
    return error_response(request, 403, _public_message(exception, PermissionDenied))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handle 404. The detail is the message of our own Http404; the resolver's is not a string."""
    return error_response(request, 404, _public_message(exception, Http404))


def server_error(request: HttpRequest) -> HttpResponse:
    """Handle an exception that no view and no middleware caught. Django calls this in its ``except``."""
    exception = sys.exc_info()[1]
    if exception is None:
        return error_response(request, 500)
    response = handle_expected_failure(request, exception)
    if response is None:
        logger.error("unexpected error", exc_info=exception)
        response = error_response(request, 500)
    return response


def handle_expected_failure(request: HttpRequest, exception: BaseException) -> HttpResponse | None:
    """Return the response to a failure that is not a bug, or None for any other exception.

    503 with Retry-After if the database is unavailable or its pool has no free connection;
    400 if the client disconnected before its request was complete.
    """
    if isinstance(exception, OperationalError | InterfaceError):
        logger.error("database unavailable: %s", exception)
        return error_response(request, 503)
    if isinstance(exception, UnreadablePostError):
        return error_response(request, 400)
    return None


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Handle a POST whose CSRF token is missing or out of date."""
    return error_response(
        request,
        403,
        "The form was open for too long, or cookies are off. Go back, reload, send it again.",
    )


def _public_message(exception: Exception, public_class: type[Exception]) -> str:
    """Return the message of an exception, or "" if it was not written to be shown.

    Only views of ours raise ``public_class`` with a sentence, apart from ``get_object_or_404``.
    """
    if isinstance(exception, SuspiciousOperation) or not isinstance(exception, public_class):
        return ""
    message = exception.args[0] if exception.args else ""
    if not isinstance(message, str) or message.endswith(GET_OBJECT_OR_404_SUFFIX):
        return ""
    return message
