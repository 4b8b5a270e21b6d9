"""Create the full-text index, and fill it with the moments that already exist."""

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

# The rows are locked: hiding one of these moments waits for the batch, and its trigger then removes
# the moment from the index.
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
"""  # noqa: S608  only our own constants


def install_search_index(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Migration step: create the table, triggers and indexes, and index existing moments.

    It can be repeated after a run that was killed.
    """
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
    """Reverse migration step: drop the functions and triggers that use the table, then the table."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for function in ("moments_search", "moment_tags_search", "tags_search"):
                cursor.execute(f"DROP FUNCTION IF EXISTS {function}() CASCADE")
            cursor.execute("DROP FUNCTION IF EXISTS moment_search_refresh(bigint)")
        cursor.execute("DROP TABLE IF EXISTS moment_search")


def _fill(cursor: CursorWrapper) -> None:
    """Index all moments, each batch in its own transaction.

    In order of time, because searches read them in that order. A repeated run starts
    from the beginning, and skips the batches that are already indexed quickly.
    """
    last: tuple[dt.datetime, int] | None = (WINDOW_START, -1)
    while last is not None:
        cursor.execute(_FILL, last)
        last = cursor.fetchone()


def _build_indexes(connection: BaseDatabaseWrapper, cursor: CursorWrapper) -> None:
    """Build the indexes that are missing, or invalid because an earlier build was killed.

    Outside a transaction they are built without a lock that blocks writers.
    """
    concurrently = "" if connection.in_atomic_block else "CONCURRENTLY"
    for name, columns in POSTGRESQL_INDEXES.items():
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        is_valid = cursor.fetchone()
        if is_valid == (False,):
            cursor.execute(f"DROP INDEX {concurrently} {name}")
        if is_valid != (True,):
            cursor.execute(f"CREATE INDEX {concurrently} {name} ON moment_search {columns}")


def optimize_index() -> None:
    """Remove deleted texts from the database file too. SQLite's index keeps them until it is merged."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO moment_search(moment_search) VALUES ('optimize')")
