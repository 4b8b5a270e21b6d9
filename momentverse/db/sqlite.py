"""WAL mode for the embedded database."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections


def enable_wal(using: str = DEFAULT_DB_ALIAS, **kwargs: object) -> None:
    """Receive ``post_migrate``: switch the file to WAL, so that writers do not block readers.

    The mode is stored in the file. Setting it on each new connection instead would race when
    several open together, and fail with "database is locked".
    """
    connection = connections[using]
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
