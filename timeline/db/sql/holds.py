"""Holding a span in one round trip, as a function of PostgreSQL: for the plain case and no other.

It may say no too often but never yes too often: a lapsed hold on the span, or
one of its person's own, is a no. Who is told no takes the steps one by one, in
``claims.py``, where the rule stands and whatever is in the way is found out.
The locks are those of the steps, in their order: the person, the days, the moment.

Rows come as JSON, as the models have made them, so a column more is nothing new here.
"""

from __future__ import annotations

TABLES = frozenset({"moments", "orders", "accounts_user"})

_TAKEN = """
    IF EXISTS (
        SELECT FROM moments
        WHERE tstzrange(starts_at, ends_at) && tstzrange(held.starts_at, held.ends_at)
          AND status IN ('held', 'paying', 'active')
    ) THEN
        RETURN NULL;
    END IF;
"""

# Looked at before the days are locked too: of the many after one span, all but the first need not wait.
POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION hold_span(
        moment_row jsonb, order_row jsonb, most integer, length interval,
        lock_family integer, days integer[], patience text
    ) RETURNS timestamptz LANGUAGE plpgsql AS $$
    DECLARE
        held moments := jsonb_populate_record(NULL::moments, moment_row);
    BEGIN
        PERFORM FROM accounts_user
            WHERE id = held.user_id AND is_active AND erase_after IS NULL FOR NO KEY UPDATE;
        IF NOT FOUND OR most <= (
            SELECT count(*) FROM moments m JOIN orders o ON o.moment_id = m.id
            WHERE m.user_id = held.user_id AND m.status IN ('held', 'paying')
        ) THEN
            RETURN NULL;
        END IF;
        {_TAKEN}
        PERFORM set_config('lock_timeout', patience, true);
        PERFORM pg_advisory_xact_lock(lock_family, day) FROM unnest(days) AS day;
        {_TAKEN}
        held.held_until := clock_timestamp() + length;
        INSERT INTO moments SELECT (held).*;
        INSERT INTO orders SELECT * FROM jsonb_populate_record(NULL::orders, order_row);
        RETURN held.held_until;
    END
    $$
    """,  # noqa: S608  all of it is ours
]

# One writer at a time, in the same process: the steps are as good.
SQLITE: list[str] = []
