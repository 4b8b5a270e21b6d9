"""Rules for moments: no two overlap, the counts by day are right, and tags know their moment's start."""

from __future__ import annotations

TABLES = frozenset({"moments", "moment_tags", "rollup_days"})
OVERLAP_CONSTRAINT = "no_overlap_active"

# Building it on a full table takes minutes, so an existing constraint is never replaced.
POSTGRESQL_OVERLAP_CONSTRAINT = f"""
    ALTER TABLE moments ADD CONSTRAINT {OVERLAP_CONSTRAINT}
        EXCLUDE USING gist (tstzrange(starts_at, ends_at) WITH &&)
        WHERE (status IN ('held', 'paying', 'active'))
"""


POSTGRESQL = [
    # A moment's share of each day it overlaps: its first day, and the next if it passes midnight.
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
    # One upsert per statement, with the days in order, so that two statements cannot deadlock.
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

_OCCUPYING = "('held', 'paying', 'active')"

# Django stores instants in SQLite as `YYYY-MM-DD HH:MM:SS`, which sorts as text.
_DAY_BEFORE = "strftime('%Y-%m-%d %H:%M:%S', NEW.starts_at, '-24 hours')"


def _abort_on_overlap(other: str) -> str:
    """Return a trigger body that aborts if another moment than ``other`` occupies a part of NEW's span."""
    return f"""
        SELECT RAISE(ABORT, '{OVERLAP_CONSTRAINT}') WHERE EXISTS (
            SELECT 1 FROM moments
            WHERE starts_at > {_DAY_BEFORE} AND starts_at < NEW.ends_at
              AND ends_at > NEW.starts_at AND status IN {_OCCUPYING} AND id <> {other});
    """  # noqa: S608  only our own constants


def _to_epoch(instant: str) -> str:
    """Return the POSIX seconds of an instant as a number, because text would compare as text."""
    return f"CAST(strftime('%s', {instant}) AS INTEGER)"


def _add_to_days(row: str, sign: str) -> str:
    """Return a trigger body that adds a moment's shares to its days, or subtracts them."""
    starts, ends = _to_epoch(f"{row}.starts_at"), _to_epoch(f"{row}.ends_at")
    midnight = _to_epoch(f"date({row}.starts_at, '+1 day')")
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
    CREATE TRIGGER {OVERLAP_CONSTRAINT} BEFORE INSERT ON moments
    WHEN NEW.status IN {_OCCUPYING} BEGIN {_abort_on_overlap("NEW.id")} END
    """,
    f"""
    CREATE TRIGGER {OVERLAP_CONSTRAINT}_update
    BEFORE UPDATE OF id, starts_at, ends_at, status ON moments
    WHEN NEW.status IN {_OCCUPYING} BEGIN {_abort_on_overlap("OLD.id")} END
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
