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

from timeline import hold_rules, like_rules, search_rules

OVERLAP_RULE = "no_overlap_active"

# Building it over a full table takes minutes, so it is not replaced: it is there or it is made.
POSTGRESQL_CONSTRAINT = f"""
    ALTER TABLE moments ADD CONSTRAINT {OVERLAP_RULE}
        EXCLUDE USING gist (tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status IN ('held', 'paying', 'active'))
"""

POSTGRESQL = [
    # The days that one moment counts for: its first, and the next when it passes midnight.
    """
    CREATE OR REPLACE FUNCTION moment_day_shares(
        starts timestamptz, ends timestamptz, status text, visibility text
    ) RETURNS TABLE (day date, moments integer, seconds integer) LANGUAGE sql IMMUTABLE AS $$
        SELECT first.day,
               (visibility = 'public')::integer,
               EXTRACT(EPOCH FROM LEAST(ends, first.midnight) - starts)::integer
        FROM (SELECT (starts AT TIME ZONE 'UTC')::date AS day,
                     ((starts AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC' AS midnight
             ) AS first
        WHERE status = 'active'
        UNION ALL
        SELECT (starts AT TIME ZONE 'UTC')::date + 1,
               0,
               EXTRACT(EPOCH FROM
                   ends - ((starts AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC')::integer
        WHERE status = 'active'
          AND ends > ((starts AT TIME ZONE 'UTC')::date + 1)::timestamp AT TIME ZONE 'UTC'
    $$
    """,
    # One upsert a statement, days in order, so that two statements never wait for each other in a ring.
    """
    CREATE OR REPLACE FUNCTION moments_add_to_rollups() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO rollup_days AS r (day, moments, seconds, folded_moments, folded_seconds, dirty)
            SELECT s.day, sum(s.moments), sum(s.seconds), 0, 0, true
            FROM new_rows n, moment_day_shares(n.starts_at, n.ends_at, n.status, n.visibility) s
            GROUP BY s.day ORDER BY s.day
            ON CONFLICT (day) DO UPDATE SET moments = r.moments + excluded.moments,
                seconds = r.seconds + excluded.seconds, dirty = true;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO rollup_days AS r (day, moments, seconds, folded_moments, folded_seconds, dirty)
            SELECT s.day, -sum(s.moments), -sum(s.seconds), 0, 0, true
            FROM old_rows o, moment_day_shares(o.starts_at, o.ends_at, o.status, o.visibility) s
            GROUP BY s.day ORDER BY s.day
            ON CONFLICT (day) DO UPDATE SET moments = r.moments + excluded.moments,
                seconds = r.seconds + excluded.seconds, dirty = true;
        ELSE
            INSERT INTO rollup_days AS r (day, moments, seconds, folded_moments, folded_seconds, dirty)
            SELECT s.day, sum(s.moments), sum(s.seconds), 0, 0, true
            FROM (
                SELECT p.day, p.moments, p.seconds
                FROM new_rows n, moment_day_shares(n.starts_at, n.ends_at, n.status, n.visibility) p
                UNION ALL
                SELECT p.day, -p.moments, -p.seconds
                FROM old_rows o, moment_day_shares(o.starts_at, o.ends_at, o.status, o.visibility) p
            ) AS s
            GROUP BY s.day HAVING sum(s.moments) <> 0 OR sum(s.seconds) <> 0 ORDER BY s.day
            ON CONFLICT (day) DO UPDATE SET moments = r.moments + excluded.moments,
                seconds = r.seconds + excluded.seconds, dirty = true;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER moments_rollup_insert AFTER INSERT ON moments
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION moments_add_to_rollups()
    """,
    """
    CREATE OR REPLACE TRIGGER moments_rollup_delete AFTER DELETE ON moments
        REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION moments_add_to_rollups()
    """,
    """
    CREATE OR REPLACE TRIGGER moments_rollup_update AFTER UPDATE ON moments
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION moments_add_to_rollups()
    """,
    """
    CREATE OR REPLACE FUNCTION moments_move_tags() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE moment_tags SET starts_at = NEW.starts_at WHERE moment_id = NEW.id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER moments_move_tags AFTER UPDATE OF starts_at ON moments
        FOR EACH ROW WHEN (OLD.starts_at IS DISTINCT FROM NEW.starts_at)
        EXECUTE FUNCTION moments_move_tags()
    """,
]

_LIVE = "('held', 'paying', 'active')"
# Django stores instants in SQLite as `YYYY-MM-DD HH:MM:SS`, which sorts as text.
_DAY_BEFORE = "strftime('%Y-%m-%d %H:%M:%S', NEW.starts_at, '-24 hours')"


def _refuse_overlap(other: str) -> str:
    """The body that aborts when a live moment other than ``other`` touches NEW's span."""
    return f"""
        SELECT RAISE(ABORT, '{OVERLAP_RULE}') WHERE EXISTS (
            SELECT 1 FROM moments
            WHERE starts_at > {_DAY_BEFORE} AND starts_at < NEW.ends_at
              AND ends_at > NEW.starts_at AND status IN {_LIVE} AND id <> {other});
    """  # noqa: S608  all of it is ours


def _epoch(instant: str) -> str:
    """POSIX seconds of an instant; as a number, because text would compare as text."""
    return f"CAST(strftime('%s', {instant}) AS INTEGER)"


def _add_to_days(row: str, sign: str) -> str:
    """The body that adds one row's shares to its days, or takes them away."""
    starts, ends = _epoch(f"{row}.starts_at"), _epoch(f"{row}.ends_at")
    midnight = _epoch(f"date({row}.starts_at, '+1 day')")
    upsert = """
            ON CONFLICT (day) DO UPDATE SET moments = moments + excluded.moments,
                seconds = seconds + excluded.seconds, dirty = 1;
    """
    return f"""
        INSERT INTO rollup_days (day, moments, seconds, folded_moments, folded_seconds, dirty)
            SELECT date({row}.starts_at), {sign}({row}.visibility = 'public'),
                   {sign}(min({midnight}, {ends}) - {starts}), 0, 0, 1
            WHERE {row}.status = 'active'
            {upsert}
        INSERT INTO rollup_days (day, moments, seconds, folded_moments, folded_seconds, dirty)
            SELECT date({row}.starts_at, '+1 day'), 0,
                   {sign}({ends} - {midnight}), 0, 0, 1
            WHERE {row}.status = 'active' AND {ends} > {midnight}
            {upsert}
    """


SQLITE = [
    f"""
    CREATE TRIGGER {OVERLAP_RULE} BEFORE INSERT ON moments
    WHEN NEW.status IN {_LIVE} BEGIN {_refuse_overlap("NEW.id")} END
    """,
    f"""
    CREATE TRIGGER {OVERLAP_RULE}_update
    BEFORE UPDATE OF id, starts_at, ends_at, status ON moments
    WHEN NEW.status IN {_LIVE} BEGIN {_refuse_overlap("OLD.id")} END
    """,
    f"""
    CREATE TRIGGER moments_rollup_insert AFTER INSERT ON moments
    WHEN NEW.status = 'active' BEGIN {_add_to_days("NEW", "+")} END
    """,
    f"""
    CREATE TRIGGER moments_rollup_delete AFTER DELETE ON moments
    WHEN OLD.status = 'active' BEGIN {_add_to_days("OLD", "-")} END
    """,
    f"""
    CREATE TRIGGER moments_rollup_update
    AFTER UPDATE OF starts_at, ends_at, status, visibility ON moments
    WHEN (OLD.status = 'active' OR NEW.status = 'active')
     AND (OLD.starts_at, OLD.ends_at, OLD.status, OLD.visibility)
      IS NOT (NEW.starts_at, NEW.ends_at, NEW.status, NEW.visibility)
    BEGIN {_add_to_days("OLD", "-")} {_add_to_days("NEW", "+")} END
    """,
    """
    CREATE TRIGGER moments_move_tags AFTER UPDATE OF starts_at ON moments
    WHEN OLD.starts_at <> NEW.starts_at
    BEGIN UPDATE moment_tags SET starts_at = NEW.starts_at WHERE moment_id = NEW.id; END
    """,
]


# Each family of rules with the tables it names: while a new database is migrated, some are not there yet.
FAMILIES = (
    (frozenset({"moments", "moment_tags", "rollup_days"}), POSTGRESQL, SQLITE),
    (like_rules.TABLES, like_rules.POSTGRESQL, like_rules.SQLITE),
    (search_rules.TABLES, search_rules.POSTGRESQL, search_rules.SQLITE),
    (hold_rules.TABLES, hold_rules.POSTGRESQL, hold_rules.SQLITE),
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
        if OVERLAP_RULE not in constraints:
            cursor.execute(POSTGRESQL_CONSTRAINT)
        for needed, statements, _ in FAMILIES:
            if needed.issubset(tables):
                for statement in statements:
                    cursor.execute(statement)


def suspend_rules(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """Receiver of ``pre_migrate``: on SQLite, take off the triggers, which name what may be rebuilt."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            _drop_triggers(cursor)


def restore_rules(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
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
    for needed, _, statements in FAMILIES:
        if needed.issubset(tables):
            for statement in statements:
                cursor.execute(statement)


def _drop_triggers(cursor: CursorWrapper) -> None:
    ours = sorted(frozenset().union(*(needed for needed, _, _ in FAMILIES)))
    marks = ", ".join(["%s"] * len(ours))
    cursor.execute(
        f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({marks})",  # noqa: S608
        ours,
    )
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')
