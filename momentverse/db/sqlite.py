"""Puts the embedded database into WAL mode, once."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def enable_wal(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``: readers go on while somebody writes.

    The mode is a property of the file. Setting it on each new connection
    instead races when several open together, and fails with "database is locked".
    """
    connection = connections[using]
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
