"""Turns ``DATABASE_URL`` into one entry of Django's ``DATABASES``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

POOL_SIZE = 10
POOL_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5


def embedded_database(path: Path) -> dict[str, Any]:
    """Return the SQLite entry used when no ``DATABASE_URL`` is set.

    IMMEDIATE transactions take the write lock at BEGIN, so that a writer waits
    for its turn instead of failing half-way with "database is locked". The WAL
    journal is a property of the file and is set once, by ``prepare_sqlite``.
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


def database_from_url(url: str, data_dir: Path) -> dict[str, Any]:
    """Return the ``DATABASES`` entry that ``url`` names.

    On PostgreSQL three query parameters are ours and the rest go to libpq:

    ``pgbouncer=true``      a PgBouncer in transaction mode stands in between: no
                            server-side cursors, no prepared statements;
    ``connection_limit=N``  at most N connections of one process (its pool);
    ``pool_timeout=S``      seconds to wait for one of them before giving up.

    Raises ImproperlyConfigured, in a sentence, for a URL it cannot use.
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
    pool_size = _number(options.pop("connection_limit", POOL_SIZE), "connection_limit")
    pool_timeout = _number(options.pop("pool_timeout", POOL_TIMEOUT_SECONDS), "pool_timeout")
    options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    options["pool"] = {
        "min_size": 1,
        "max_size": int(pool_size),
        "timeout": pool_timeout,
    }
    if behind_pgbouncer:
        options["prepare_threshold"] = None
        entry["DISABLE_SERVER_SIDE_CURSORS"] = True
    entry["OPTIONS"] = options
    # The pool keeps connections and checks them; Django must not keep them as well.
    entry["CONN_MAX_AGE"] = 0
    entry["CONN_HEALTH_CHECKS"] = True
    return entry


def _number(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0
    if number <= 0:
        raise ImproperlyConfigured(
            f"DATABASE_URL has {name}={value!r}; it takes a positive number."
        )
    return number
