"""Log a warning, with the request's id, for every database query that takes too long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger("momentverse.slow_queries")


def warn_if_slow(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Run one query, and log a warning if it takes longer than ``SLOW_QUERY_MS``.

    Its parameters are not logged, because they may be personal.
    """
    started = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        ms = (time.perf_counter() - started) * 1000
        if ms > settings.SLOW_QUERY_MS:
            logger.warning("slow query", extra={"ms": round(ms, 1), "sql": sql[:2000]})


def watch_connection(connection: BaseDatabaseWrapper, **kwargs: object) -> None:
    """Receive ``connection_created``: time the queries of a new connection."""
    if warn_if_slow not in connection.execute_wrappers:
        connection.execute_wrappers.append(warn_if_slow)
