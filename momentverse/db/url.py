"""Parse ``DATABASE_URL`` into an entry of Django's ``DATABASES``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
import psycopg.conninfo
from django.core.exceptions import ImproperlyConfigured

POOL_SIZE = 10
POOL_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5
# After this time a request does without the replica.
REPLICA_TIMEOUT_SECONDS = 1.0


def embedded_database(path: Path) -> dict[str, Any]:
    """Return the SQLite entry used when no ``DATABASE_URL`` is set.

    IMMEDIATE transactions take the write lock at BEGIN, so that a writer waits for its turn
    instead of failing half-way with "database is locked". ``momentverse.db.sqlite`` switches the
    file to a WAL journal, once.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-32000",
        },
    }


def database_from_url(url: str, data_dir: Path, pool_size: int = POOL_SIZE) -> dict[str, Any]:
    """Return the ``DATABASES`` entry for ``url``.

    For PostgreSQL three query parameters are ours, and the others go to libpq:

    ``pgbouncer=true``      there is a PgBouncer in transaction mode in between, so use no
                            server-side cursors and no prepared statements;
    ``connection_limit=N``  at most N connections in a process's pool (default: ``pool_size``);
    ``pool_timeout=S``      seconds to wait for one of them before giving up.

    Raises ImproperlyConfigured, with a sentence, for a URL that cannot be used.
    """
    if not url:
        return embedded_database(data_dir / "momentverse.sqlite3")
    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
    engine = entry["ENGINE"]
    if engine == "django.db.backends.sqlite3":
        return embedded_database(Path(entry["NAME"]))
    if engine != "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            f"DATABASE_URL names {engine!r}; MomentVerse runs on PostgreSQL or SQLite."
        )
    options = dict(entry.get("OPTIONS") or {})
    behind_pgbouncer = str(options.pop("pgbouncer", "false")).lower() == "true"
    pool_size = _parse_connection_limit(options.pop("connection_limit", pool_size))
    pool_timeout = _parse_pool_timeout(options.pop("pool_timeout", POOL_TIMEOUT_SECONDS))
    options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    _reject_unknown_parameters(options)
    options["pool"] = {
        "min_size": 1,
        "max_size": pool_size,
        "timeout": pool_timeout,
        # By default a pool retries more and more rarely, for minutes after the database is back.
        "reconnect_timeout": pool_timeout,
    }
    if behind_pgbouncer:
        options["prepare_threshold"] = None
        entry["DISABLE_SERVER_SIDE_CURSORS"] = True
    entry["OPTIONS"] = options
    # The pool keeps and checks connections, so Django must not keep them as well.
    entry["CONN_MAX_AGE"] = 0
    entry["CONN_HEALTH_CHECKS"] = True
    return entry


def replica_from_url(url: str, primary: dict[str, Any]) -> dict[str, Any]:
    """Return the ``DATABASES`` entry of the read replica. Its URL takes the same parameters.

    Raises ImproperlyConfigured unless both it and the primary are PostgreSQL.
    """
    try:
        entry = database_from_url(
            url, Path(), primary.get("OPTIONS", {}).get("pool", {}).get("max_size", POOL_SIZE)
        )
    except ImproperlyConfigured as error:
        raise ImproperlyConfigured(
            str(error).replace("DATABASE_URL", "DATABASE_REPLICA_URL")
        ) from error
    if not entry["ENGINE"] == primary["ENGINE"] == "django.db.backends.postgresql":
        raise ImproperlyConfigured(
            "DATABASE_REPLICA_URL names a replica of a PostgreSQL: DATABASE_URL and it must both"
            " begin with postgresql://"
        )
    pool = entry["OPTIONS"]["pool"]
    for limit in ("timeout", "reconnect_timeout"):
        pool[limit] = min(pool[limit], REPLICA_TIMEOUT_SECONDS)
    # In tests, both aliases are the same database.
    return entry | {"TEST": {"MIRROR": "default"}}


def _parse_connection_limit(value: str | int) -> int:
    """Return ``connection_limit``. Raises ImproperlyConfigured unless it is a positive integer."""
    if not str(value).isdecimal() or int(value) < 1:
        raise ImproperlyConfigured(
            f"DATABASE_URL has connection_limit={value!r}; it takes a whole number from 1."
        )
    return int(value)


def _parse_pool_timeout(value: str | float) -> float:
    """Return ``pool_timeout``. Raises ImproperlyConfigured unless it is positive and finite."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ImproperlyConfigured(
            f"DATABASE_URL has pool_timeout={value!r}; it takes a positive number of seconds."
        )
    return seconds


def _reject_unknown_parameters(options: dict[str, Any]) -> None:
    """Raise ImproperlyConfigured now for a parameter that libpq would reject at the first connection."""
    try:
        psycopg.conninfo.make_conninfo(**options)
    except psycopg.ProgrammingError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL has a parameter that PostgreSQL does not know: {error}"
        ) from error
