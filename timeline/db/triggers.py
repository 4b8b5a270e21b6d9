"""Rules that live in the database itself: no overlap, true rollups, true tag times.

Those on likes, search and holds stand in ``like_rules.py``, ``search_rules.py``
and ``hold_rules.py`` and are installed from here.

PostgreSQL: an exclusion constraint, and statement triggers that add a whole
statement's change to each day once. SQLite: triggers.

A migration installs them. Installing replaces what is there, so that a changed
rule needs one more migration with ``install_rules``. On SQLite they are also
taken off before each migrate and put back after it: Django rebuilds an altered
table there, which loses its own triggers and breaks those that name it.

The names of states are written out: a rule in the database must not change
because a Python constant did.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper

from timeline.db.sql import holds, likes, search
from timeline.db.sql.moments import (
    OVERLAP_CONSTRAINT,
    POSTGRESQL,
    POSTGRESQL_OVERLAP_CONSTRAINT,
    SQLITE,
)

# Each family of rules with the tables it names: while a new database is migrated, some are not there yet.
RULE_SETS = (
    (frozenset({"moments", "moment_tags", "rollup_days"}), POSTGRESQL, SQLITE),
    (likes.TABLES, likes.POSTGRESQL, likes.SQLITE),
    (search.TABLES, search.POSTGRESQL, search.SQLITE),
    (holds.TABLES, holds.POSTGRESQL, holds.SQLITE),
)


def install_rules(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Migration step: install the rules of the database at hand, or replace them."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        if connection.vendor == "sqlite":
            _replace_triggers(cursor, tables)
            return
        constraints = connection.introspection.get_constraints(cursor, "moments")
        if OVERLAP_CONSTRAINT not in constraints:
            cursor.execute(POSTGRESQL_OVERLAP_CONSTRAINT)
        for needed, statements, _ in RULE_SETS:
            if needed.issubset(tables):
                for statement in statements:
                    cursor.execute(statement)


def drop_sqlite_triggers(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: on SQLite, take off the triggers, which name what may be rebuilt."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            _drop_triggers(cursor)


def restore_sqlite_triggers(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Receiver of ``post_migrate``, which follows a migrate and a flush: set SQLite right again.

    A flush empties table by table, and emptying ``moments`` after
    ``rollup_days`` leaves counts below zero.
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
    for needed, _, statements in RULE_SETS:
        if needed.issubset(tables):
            for statement in statements:
                cursor.execute(statement)


def _drop_triggers(cursor: CursorWrapper) -> None:
    ours = sorted(frozenset().union(*(needed for needed, _, _ in RULE_SETS)))
    marks = ", ".join(["%s"] * len(ours))
    cursor.execute(
        f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({marks})",  # noqa: S608
        ours,
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')
