"""What people and programs are told when something goes wrong.

Below ``/api/`` every error is the JSON envelope; elsewhere it is a page in
the site's clothes. A message is written for the reader; it never holds the
text of an exception that was not meant for one.
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
# `get_object_or_404` and its kin speak of models and queries, to nobody's use.
GET_OBJECT_OR_404_SUFFIX = " matches the given query."


@dataclass(frozen=True)
class ErrorText:
    """The words for one status code."""

    code: str
    title: str
    message: str


TEXTS = {
    400: ErrorText("bad_request", "That does not add up", "The request cannot be understood."),
    403: ErrorText("forbidden", "Not for you", "You are not allowed to do that."),
    404: ErrorText("not_found", "Nothing here", "There is no page at this address."),
    405: ErrorText("method_not_allowed", "Not that way", "This address does not take that method."),
    429: ErrorText(
        "too_many_requests", "A little slower", "Those were too many requests in a short time."
    ),
    500: ErrorText(
        "internal_error",
        "Our mistake",
        "Something went wrong on our side. It has been noted.",
    ),
    503: ErrorText(
        "unavailable",
        "Back in a moment",
        "The timeline cannot be reached right now. Nothing is lost.",
    ),
}


def is_api(request: HttpRequest) -> bool:
    """Tell whether a request is answered in JSON."""
    return request.path.startswith(API_PREFIX)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether a form is sent by a script that would rather have JSON.

    Only forms: what they are answered is kept by no cache, so nothing varies by ``Accept`` in one.
    """
    wanted = ["text/html", "application/json"]
    return request.method == "POST" and request.get_preferred_type(wanted) == "application/json"


def error_response(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    """Return the error page, or the JSON envelope, for ``status``."""
    text = TEXTS[status]
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
            # Whatever keeps the page from being made, static files not collected for one, people
            # get the words.
            logger.exception("the error page cannot be made")
            page = (
                f"<!doctype html><title>{text.title}</title><h1>{text.title}</h1><p>{text.message}"
            )
        response = HttpResponse(page, status=status)
    if status == 503:
        response["Retry-After"] = str(RETRY_DATABASE_AFTER_SECONDS)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handler of 400: says what was wrong when a BadRequest of ours says it."""
    return error_response(request, 400, _public_message(exception, BadRequest))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handler of 403."""
    return error_response(request, 403, _public_message(exception, PermissionDenied))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Handler of 404. Our own Http404 messages are sentences; the resolver's are not."""
    detail = _public_message(exception, Http404)
    return error_response(request, 404, detail)


def server_error(request: HttpRequest) -> HttpResponse:
    """Handler of what no view and no middleware has caught, while the exception is being handled."""
    exception = sys.exc_info()[1]
    if exception is None:
        return error_response(request, 500)
    response = handle_expected_failure(request, exception)
    if response is None:
        logger.error("unexpected error", exc_info=exception)
        response = error_response(request, 500)
    return response


def handle_expected_failure(request: HttpRequest, exception: BaseException) -> HttpResponse | None:
    """Return the answer to a failure that is not a mistake of ours, else None.

    A database that is away, or a pool without a free connection, is 503 with
    Retry-After. A client that went away in the middle of its own request is 400.
    """
    if isinstance(exception, OperationalError | InterfaceError):
        logger.error("database unavailable: %s", exception)
        return error_response(request, 503)
    if isinstance(exception, UnreadablePostError):
        return error_response(request, 400)
    return None


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """View shown when a form's token is missing or stale."""
    return error_response(
        request,
        403,
        "The form was open for too long, or cookies are off. Go back, reload, send it again.",
    )


def _public_message(exception: Exception, meant_for_readers: type[Exception]) -> str:
    if isinstance(exception, SuspiciousOperation) or not isinstance(exception, meant_for_readers):
        return ""
    words = exception.args[0] if exception.args else ""
    if not isinstance(words, str) or words.endswith(GET_OBJECT_OR_404_SUFFIX):
        return ""
    return words
