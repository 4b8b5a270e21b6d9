"""Read visitors' pages from a replica, if ``DATABASE_REPLICA_URL`` names one.

Only GET and HEAD requests without a session use it. Requests of logged-in people, writes and
transactions stay on the primary.

A page is never older than the last commit. Before the first read of a request the replica must
have replayed everything that the primary has flushed; otherwise the request reads from the
primary. So a page that a write has made stale is never rendered, and cached, from the data before
that write. While the primary is unavailable nobody can tell how old the replica is: it is read
all the same, and the response is not cached. An unavailable replica causes no errors: it delays a
request by at most a second, and is then not tried for ten.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger("momentverse.replica")

REPLICA = "replica"
# How long a server that failed is not tried again.
RETRY_SECONDS = 10.0
CONNECTION_ERRORS = (OperationalError, InterfaceError)


class HealthState:
    """Whether a server may be tried: after a failure not for ``RETRY_SECONDS``."""

    def __init__(self) -> None:
        self._retry_at = 0.0  # 0 while the server is available; by `time.monotonic`

    def should_try(self) -> bool:
        """Return whether to try the server. After the pause only the first of several threads does."""
        now = time.monotonic()
        if now < self._retry_at:
            return False
        if self._retry_at:
            self._retry_at = now + RETRY_SECONDS
        return True

    def record(self, *, success: bool) -> None:
        """Record the result of trying the server."""
        self._retry_at = 0.0 if success else time.monotonic() + RETRY_SECONDS


class RequestState(threading.local):
    """Where the request of this thread reads from."""

    may_use_replica = False
    # The alias that its reads use; "" before the first one.
    alias = ""
    # False if nobody could tell whether the replica is up to date.
    is_current = True


state = RequestState()
health_states = {alias: HealthState() for alias in (DEFAULT_DB_ALIAS, REPLICA)}


class ReplicaRouter:
    """Sends a visitor's reads to the replica, and everything else to the primary."""

    def db_for_read(self, model: type[Model], **hints: object) -> str:
        """Return the alias to read from; chosen once per request."""
        if not state.may_use_replica or connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return DEFAULT_DB_ALIAS
        if not state.alias:
            state.alias = REPLICA if is_replica_current() else DEFAULT_DB_ALIAS
        return state.alias

    def db_for_write(self, model: type[Model], **hints: object) -> str:
        """Return the primary, and read from it from now on: the request may read what it wrote."""
        state.may_use_replica = False
        return DEFAULT_DB_ALIAS

    def allow_relation(self, first: Model, second: Model, **hints: object) -> bool:
        """Allow all relations: both databases have the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool:
        """Migrate the primary only; replication does the rest."""
        return db == DEFAULT_DB_ALIAS


def is_replica_current() -> bool:
    """Return whether the replica is available and has replayed all that the primary has flushed.

    If the primary is unavailable, an available replica is enough, and ``state.is_current``
    becomes False.
    """
    flushed = _query(DEFAULT_DB_ALIAS, "SELECT pg_current_wal_flush_lsn()::text")
    state.is_current = flushed is not None
    if flushed is None:
        return bool(_query(REPLICA, "SELECT true"))
    return bool(_query(REPLICA, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", str(flushed)))


def _query(alias: str, sql: str, *params: str) -> object:
    """Return the one value that a query selects, or None if the server is unavailable."""
    health = health_states[alias]
    if not health.should_try():
        return None
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(sql, params)
            (value,) = cursor.fetchone()
    except CONNECTION_ERRORS as error:
        _record_failure(alias, error)
        return None
    health.record(success=True)
    return value


def _record_failure(alias: str, error: Exception) -> None:
    health_states[alias].record(success=False)
    logger.warning("%s does not answer: %s", alias, error)
    connections[alias].close()


class ReplicaMiddleware:
    """Lets a visitor's request read from the replica, and repeats the view if the replica fails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        state.alias = ""
        state.is_current = True
        state.may_use_replica = (
            request.method in ("GET", "HEAD")
            and settings.SESSION_COOKIE_NAME not in request.COOKIES
        )
        try:
            response = self.get_response(request)
        finally:
            state.may_use_replica = False
        if not state.is_current:
            response["Cache-Control"] = "private, no-store"
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Call the view once more, on the primary, if the replica failed while it was running."""
        if state.alias != REPLICA or not isinstance(exception, CONNECTION_ERRORS):
            return None
        _record_failure(REPLICA, exception)
        state.may_use_replica, state.alias = False, ""
        match = request.resolver_match
        assert match is not None  # the exception comes from a view, so there is a match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response
