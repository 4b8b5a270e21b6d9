"""The PostgreSQL function that holds a span in one round trip, for the simple case only.

It may reject a hold that would have succeeded, but never accepts one that it should
not: it does not release expired holds, so one on the span leads to a rejection, and
the person's own ones count towards their limit. After a rejection we fall back to the
step-by-step path in ``timeline/services/claims/holds.py``, which is authoritative and
finds out the reason. The function takes the same locks as that path, in the same
order: the person, the days, the moment.

The rows are passed as JSON, built by the models, so a new column needs no change here.
"""

from __future__ import annotations

TABLES = frozenset({"moments", "orders", "accounts_user"})

_REJECT_IF_TAKEN = """
    IF EXISTS (
        SELECT FROM moments
        WHERE tstzrange(starts_at, ends_at) && tstzrange(held.starts_at, held.ends_at)
          AND status IN ('held', 'paying', 'active')
    ) THEN
        RETURN NULL;
    END IF;
"""

# Also checked before the days are locked: when many people want one span, only the first has to wait.
POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION hold_span(
        moment_row jsonb, order_row jsonb, max_holds integer, duration interval,
        lock_family integer, days integer[], max_lock_wait text
    ) RETURNS timestamptz LANGUAGE plpgsql AS $$
    DECLARE
        held moments := jsonb_populate_record(NULL::moments, moment_row);
    BEGIN
        PERFORM FROM accounts_user
            WHERE id = held.user_id AND is_active AND erase_after IS NULL FOR NO KEY UPDATE;
        IF NOT FOUND OR max_holds <= (
            SELECT count(*) FROM moments m JOIN orders o ON o.moment_id = m.id
            WHERE m.user_id = held.user_id AND m.status IN ('held', 'paying')
        ) THEN
            RETURN NULL;
        END IF;
        {_REJECT_IF_TAKEN}
        PERFORM set_config('lock_timeout', max_lock_wait, true);
        PERFORM pg_advisory_xact_lock(lock_family, day) FROM unnest(days) AS day;
        {_REJECT_IF_TAKEN}
        held.held_until := clock_timestamp() + duration;
        INSERT INTO moments SELECT (held).*;
        INSERT INTO orders SELECT * FROM jsonb_populate_record(NULL::orders, order_row);
        RETURN held.held_until;
    END
    $$
    """,  # noqa: S608  only our own constants
]

# SQLite has one writer at a time, in the same process, so the step-by-step path is as fast.
SQLITE: list[str] = []
