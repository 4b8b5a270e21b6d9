"""Logs as lines of JSON, and the request id that connects log lines with a response."""

from __future__ import annotations

import datetime as dt
import json
import logging
import secrets
import time
from contextvars import ContextVar

REQUEST_ID_HEADER = "X-Request-ID"
# Probed every few seconds; logged at DEBUG only.
HEALTH_PREFIX = "/health/"

request_id: ContextVar[str] = ContextVar("request_id", default="")
logger = logging.getLogger("momentverse.request")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Built once, because `json.dumps` builds an encoder for each call. Its output is ASCII, so a lone
# surrogate in a path cannot break the encoding of the log.
_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, with the items of ``extra`` as keys."""

    def format(self, record: logging.LogRecord) -> str:
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
    """Return a random id. Ids from clients are ignored: they could be used to forge log lines."""
    return secrets.token_hex(8)


def log_request(method: str | None, path: str, status: int, started: float) -> None:
    """Log one line for a request that has been answered. ``started`` is from ``time.perf_counter``.

    The line contains the path but never the query string: what people search for is private.
    """
    level = _get_level(path, status)
    if not logger.isEnabledFor(level):
        return
    # Not `logger.log()`: finding the caller takes as long as everything else.
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
    """Return the log level: ERROR for a failure, DEBUG for a successful health check, otherwise INFO."""
    if status >= 500:
        return logging.ERROR
    return logging.DEBUG if path.startswith(HEALTH_PREFIX) else logging.INFO
