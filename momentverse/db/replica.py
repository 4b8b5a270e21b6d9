"""Visitors' pages read from a replica, when ``DATABASE_REPLICA_URL`` names one.

Only GET and HEAD of people without a session ask it: whoever is logged in, and
whatever writes or stands in a transaction, keeps to the primary. Nor is a page
ever older than the last commit: before a request's first read the replica must
have replayed what the primary has flushed, or the primary is read instead. So
a page that a write has made stale is never built anew, and cached, from before
that write. While the primary is away nobody can tell how old the replica is:
it is read all the same, and nobody keeps what was. A replica that is away costs
one request a second at most; nobody gets an error for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger("momentverse.replica")

REPLICA = "replica"
# How long a server that failed is not asked again.
RETRY_SECONDS = 10.0
CONNECTION_ERRORS = (OperationalError, InterfaceError)


class HealthState:
    """Whether a server is worth asking: after a failure not until some seconds later."""

    def __init__(self) -> None:
        self._again_at = 0.0

    def is_worth_asking(self) -> bool:
        """Tell, and of several threads let only the first one try a server that was away."""
        now = time.monotonic()
        if now < self._again_at:
            return False
        if self._again_at:
            self._again_at = now + RETRY_SECONDS
        return True

    def note(self, *, answered: bool) -> None:
        """Remember how asking it went."""
        self._again_at = 0.0 if answered else time.monotonic() + RETRY_SECONDS


class RequestState(threading.local):
    """What the request of this thread reads from: ``may_ask`` a replica, and what was ``chosen``.

    ``is_current`` is false when nobody could say what the replica should have by now.
    """

    may_ask = False
    chosen = ""
    is_current = True


state = RequestState()
health_states = {alias: HealthState() for alias in (DEFAULT_DB_ALIAS, REPLICA)}


class ReplicaRouter:
    """Django's database router: reads of a visitor's request to the replica, all else to the primary."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        """Return the alias to read from, chosen once a request."""
        if not state.may_ask or connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return DEFAULT_DB_ALIAS
        if not state.chosen:
            state.chosen = REPLICA if is_replica_current() else DEFAULT_DB_ALIAS
        return state.chosen

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        """Return the primary; what this request reads from now on may be what it has written."""
        state.may_ask = False
        return DEFAULT_DB_ALIAS

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        """Both hold the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """What is migrated on the primary arrives at the replica by itself."""
        return db == DEFAULT_DB_ALIAS


def is_replica_current() -> bool:
    """Tell whether the replica answers and has replayed all that the primary has made durable.

    With the primary away it is enough that the replica answers, which the reader is told.
    """
    flushed = _query(DEFAULT_DB_ALIAS, "SELECT pg_current_wal_flush_lsn()::text")
    state.is_current = flushed is not None
    if flushed is None:
        return bool(_query(REPLICA, "SELECT true"))
    return bool(_query(REPLICA, "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", flushed))


def _query(alias: str, question: str, *values: str) -> Any:
    """Return the one value that a server answers with; None when it is away."""
    presence = health_states[alias]
    if not presence.is_worth_asking():
        return None
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(question, values)
            (answer,) = cursor.fetchone()
    except CONNECTION_ERRORS as error:
        _record_failure(alias, error)
        return None
    presence.note(answered=True)
    return answer


def _record_failure(alias: str, error: Exception) -> None:
    health_states[alias].note(answered=False)
    logger.warning("%s does not answer: %s", alias, error)
    connections[alias].close()


class ReplicaMiddleware:
    """Lets a visitor's request read from the replica, and answers it again when that breaks off."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, reading from where this request may."""
        state.chosen = ""
        state.is_current = True
        state.may_ask = (
            request.method in ("GET", "HEAD")
            and settings.SESSION_COOKIE_NAME not in request.COOKIES
        )
        try:
            response = self.get_response(request)
        finally:
            state.may_ask = False
        if not state.is_current:
            response["Cache-Control"] = "private, no-store"
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        """Call the view once more, on the primary, when the replica went away in the middle."""
        if state.chosen != REPLICA or not isinstance(exception, CONNECTION_ERRORS):
            return None
        _record_failure(REPLICA, exception)
        state.may_ask, state.chosen = False, ""
        view = request.resolver_match
        assert view is not None  # an exception of a view has one
        response: HttpResponseBase = view.func(request, *view.args, **view.kwargs)
        return response
