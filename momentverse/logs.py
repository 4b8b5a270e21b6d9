"""JSON-line logs, and the request id that a log line and its response share."""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponseBase

REQUEST_ID_HEADER = "X-Request-ID"
# Asked every few seconds by machines.
QUIET_PREFIX = "/health/"

request_id: ContextVar[str] = ContextVar("request_id", default="")
logger = logging.getLogger("momentverse.request")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; what is passed as ``extra`` becomes keys of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        line.pop("request", None)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # ASCII output keeps a lone surrogate in a path from breaking the log's encoding.
        return json.dumps(line, default=str)


def _level_of(request: HttpRequest, response: HttpResponseBase) -> int:
    """Return how loud a request's line is: a probe that finds all well is only for debugging."""
    if response.status_code >= 500:
        return logging.ERROR
    return logging.DEBUG if request.path.startswith(QUIET_PREFIX) else logging.INFO


class RequestLogMiddleware:
    """Gives a request its id and logs one line when it has been answered.

    The line holds the path and never the query string: what people search for
    is theirs.

    The id is always our own: one taken from the client could be used to forge
    or to confuse log lines.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and log that."""
        token = request_id.set(secrets.token_hex(8))
        started = time.perf_counter()
        try:
            response = self.get_response(request)
            response[REQUEST_ID_HEADER] = request_id.get()
            logger.log(
                _level_of(request, response),
                "%s %s %s",
                request.method,
                request.path,
                response.status_code,
                extra={
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                },
            )
            return response
        finally:
            request_id.reset(token)
