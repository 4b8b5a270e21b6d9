"""Install the rules that the database enforces itself: constraints, triggers and functions.

Their SQL is in ``timeline/db/sql/``: no overlaps and counts by day (``moments``),
tallies of likes (``likes``), the full-text index (``search``) and the fast hold
(``holds``).

PostgreSQL has an exclusion constraint, and statement triggers that add up a whole
statement's changes and write each day once. SQLite has row triggers.

A migration installs the rules. Installing replaces what is there, so a changed rule
needs one more migration that calls ``install_rules``. On SQLite, every ``migrate``
also drops the triggers before it starts and installs them again when it is done:
there, Django rebuilds a table to alter it, which loses the table's own triggers and
breaks the triggers that refer to it.

The SQL contains the values of statuses as literals: a rule in the database must not
change because a Python constant did.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper

from timeline.db.sql import holds, likes, moments, search

# Each set of rules with the tables it needs: while a new database is migrated, some do not exist yet.
RULE_SETS = (
    (moments.TABLES, moments.POSTGRESQL, moments.SQLITE),
    (likes.TABLES, likes.POSTGRESQL, likes.SQLITE),
    (search.TABLES, search.POSTGRESQL, search.SQLITE),
    (holds.TABLES, holds.POSTGRESQL, holds.SQLITE),
)


def install_rules(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Migration step: install or replace the rules for this kind of database."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if connection.vendor == "sqlite":
            _replace_triggers(cursor, tables)
            return
        constraints = connection.introspection.get_constraints(cursor, "moments")
        if moments.OVERLAP_CONSTRAINT not in constraints:
            cursor.execute(moments.POSTGRESQL_OVERLAP_CONSTRAINT)
        for tables_needed, statements, _ in RULE_SETS:
            if tables_needed.issubset(tables):
                for statement in statements:
                    cursor.execute(statement)


def drop_sqlite_triggers(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: on SQLite, drop the triggers. A rebuilt table would break them."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            _drop_triggers(cursor)


def restore_sqlite_triggers(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``: on SQLite, install the triggers again and repair the counts.

    Django also sends the signal after a flush, which empties one table after another.
    Emptying ``moments`` after ``rollup_days`` leaves counts below zero, so they are
    deleted here.
    """
    connection = connections[using]
    if connection.vendor != "sqlite" or "moments" not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        _replace_triggers(cursor, tables)
        for table in {"rollup_days", "rollup_periods", "like_tallies"}.intersection(tables):
            cursor.execute(f"DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM moments)")  # noqa: S608


def _replace_triggers(cursor: CursorWrapper, tables: Iterable[str]) -> None:
    _drop_triggers(cursor)
    for tables_needed, _, statements in RULE_SETS:
        if tables_needed.issubset(tables):
            for statement in statements:
                cursor.execute(statement)


def _drop_triggers(cursor: CursorWrapper) -> None:
    our_tables = sorted(frozenset().union(*(tables for tables, _, _ in RULE_SETS)))
    placeholders = ", ".join(["%s"] * len(our_tables))
    cursor.execute(
        f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({placeholders})",  # noqa: S608
        our_tables,
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')
