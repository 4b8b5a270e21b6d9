"""Health checks: whether the process serves, and whether the services that it needs are available."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from momentverse.db.replica import REPLICA
from momentverse.redis.client import CACHE_ERRORS


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Return 200 while the process serves; queries nothing."""
    return JsonResponse({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Return 503 without the database, otherwise 200.

    The status is ``degraded`` if the cache or the replica is unavailable: the site works without.
    """
    parts = {"database": is_database_available(DEFAULT_DB_ALIAS), "cache": is_cache_available()}
    if REPLICA in settings.DATABASES:
        parts["replica"] = is_database_available(REPLICA)
    if not parts["database"]:
        status = "unavailable"
    elif not all(parts.values()):
        status = "degraded"
    else:
        status = "ok"
    body = {
        "status": status,
        "parts": {name: "ok" if available else "unavailable" for name, available in parts.items()},
    }
    return JsonResponse(body, status=200 if parts["database"] else 503)


def is_database_available(alias: str) -> bool:
    """Return whether a database answers ``SELECT 1``."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except DatabaseError:
        return False


def is_cache_available() -> bool:
    """Return whether the cache stores a value and returns one."""
    token = secrets.token_hex(4)
    try:
        cache.set("health", token, timeout=10)
        # Another process may write between the two calls, so any value will do.
        return cache.get("health") is not None
    except CACHE_ERRORS:
        return False
