"""JSON-line logs, and the request id that a log line and its response share."""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import time
from contextvars import ContextVar

REQUEST_ID_HEADER = "X-Request-ID"
# Asked every few seconds by machines.
HEALTH_PREFIX = "/health/"

request_id: ContextVar[str] = ContextVar("request_id", default="")
logger = logging.getLogger("momentverse.request")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Made once: `json.dumps` makes one for each line. ASCII, so that a lone surrogate in a path does not
# break the log's encoding.
_encode = json.JSONEncoder(default=str).encode


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
        return _encode(line)


def new_request_id() -> str:
    """Return an id of our own: one taken from the client could be used to forge or to confuse log lines."""
    return secrets.token_hex(8)


def log_request(method: str | None, path: str, status: int, started: float) -> None:
    """Log one line for a request that has been answered; ``started`` is of ``time.perf_counter``.

    The line holds the path and never the query string: what people search for
    is theirs.
    """
    level = _get_level(path, status)
    if not logger.isEnabledFor(level):
        return
    # Made by hand: looking for the caller takes as long as all the rest.
    logger.handle(
        logger.makeRecord(
            logger.name,
            level,
            __file__,
            0,
            "%s %s %s",
            (method, path, status),
            None,
            extra={"status": status, "ms": round((time.perf_counter() - started) * 1000, 1)},
        )
    )


def _get_level(path: str, status: int) -> int:
    """Return how loud a request's line is: a probe that finds all well is only for debugging."""
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if path.startswith(HEALTH_PREFIX) else logging.INFO
