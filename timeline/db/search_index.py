"""Making the index of search, and filling it from moments that were there before it."""

from __future__ import annotations

import datetime as dt

from django.apps.registry import Apps
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper

from timeline.core.spans import WINDOW_START
from timeline.db.sql.search import (
    POSTGRESQL_DOCUMENT,
    POSTGRESQL_INDEXES,
    POSTGRESQL_TABLE,
    SQLITE_TABLE,
    sqlite_refresh,
)
from timeline.db.triggers import install_rules

BATCH = 5000

# Locked while they are read: a moment that is being hidden waits, and is taken out again by its trigger.
_FILL = f"""
    WITH batch AS (
        SELECT * FROM moments WHERE (starts_at, id) > (%s, %s)
        ORDER BY starts_at, id LIMIT {BATCH} FOR SHARE
    ), filled AS (
        INSERT INTO moment_search (moment_id, user_id, starts_at, document)
        SELECT m.id, m.user_id, m.starts_at, {POSTGRESQL_DOCUMENT}
        FROM batch AS m WHERE m.status = 'active' AND m.visibility = 'public'
        ON CONFLICT (moment_id) DO NOTHING
    )
    SELECT starts_at, id FROM batch ORDER BY starts_at DESC, id DESC LIMIT 1
"""  # noqa: S608  all of it is ours


def install_search_index(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Migration step: make table, triggers and indexes; index what is there. It may be run again."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TABLE IF EXISTS moment_search")
            cursor.execute(SQLITE_TABLE)
            for statement in sqlite_refresh("1"):
                cursor.execute(statement)
            install_rules(apps, schema_editor)
            return
        cursor.execute(POSTGRESQL_TABLE)
        install_rules(apps, schema_editor)
        _fill(cursor)
        _build_indexes(connection, cursor)
        cursor.execute("ANALYZE moment_search")


def drop_search_index(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Migration step back: what names the table goes before it."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for function in ("moments_search", "moment_tags_search", "tags_search"):
                cursor.execute(f"DROP FUNCTION IF EXISTS {function}() CASCADE")
            cursor.execute("DROP FUNCTION IF EXISTS moment_search_refresh(bigint)")
        cursor.execute("DROP TABLE IF EXISTS moment_search")


def _fill(cursor: CursorWrapper) -> None:
    """Index all moments, each batch in a transaction of its own.

    In order of time, for that is how they are read; from the beginning also when
    it is run again, for a batch that is there is passed by quickly.
    """
    last: tuple[dt.datetime, int] | None = (WINDOW_START, -1)
    while last is not None:
        cursor.execute(_FILL, last)
        last = cursor.fetchone()


def _build_indexes(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    """Build what is missing, and what a build that was killed has left unusable.

    Without a lock on writers where that is possible: not inside of a transaction.
    """
    how = "" if connection.in_atomic_block else "CONCURRENTLY"
    for name, columns in POSTGRESQL_INDEXES.items():
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        valid = cursor.fetchone()
        if valid == (False,):
            cursor.execute(f"DROP INDEX {how} {name}")
        if valid != (True,):
            cursor.execute(f"CREATE INDEX {how} {name} ON moment_search {columns}")


def optimize_index() -> None:
    """Take what was deleted out of the index's file as well: SQLite's keeps it until it is merged."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO moment_search(moment_search) VALUES ('optimize')")
