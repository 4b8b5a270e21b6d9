"""Rules for likes: triggers count the likes of a moment and compute its heat.

Only these triggers change ``like_tallies``, in the transaction of the like, so the
tallies cannot drift. ``timeline/selectors/trending.py`` explains the formula. Its
constants are literals here, because a rule in the database must not change because a
Python constant did.
"""

from __future__ import annotations

TABLES = frozenset({"likes", "like_tallies"})

POSTGRESQL = [
    # The time of a like, in half-lives of two days.
    """
    CREATE OR REPLACE FUNCTION like_heat(liked_at timestamptz) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS $$
        SELECT EXTRACT(EPOCH FROM liked_at - timestamptz '2026-01-01 00:00:00+00')::double precision
               / 172800
    $$
    """,
    # The logarithm of a sum, from the two logarithms. A part that is 2^60 times smaller has no effect.
    """
    CREATE OR REPLACE FUNCTION heat_sum(a double precision, b double precision)
    RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
        SELECT CASE WHEN a IS NULL THEN b WHEN b IS NULL THEN a
               ELSE greatest(a, b) + ln(1 + power(2::double precision, -least(abs(a - b), 60)))
                                     / ln(2::double precision) END
    $$
    """,
    # When a like goes, the heat is computed again from all likes, because a difference of logarithms
    # loses digits. The row is locked first; the next statement then reads the likes, including those
    # that others committed in the meantime.
    """
    CREATE OR REPLACE FUNCTION likes_tally() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NOT NEW.withdrawn) THEN
            INSERT INTO like_tallies AS t (moment_id, likes, heat)
            VALUES (NEW.moment_id, 1, CASE WHEN NEW.counts_for_trending THEN like_heat(NEW.liked_at) END)
            ON CONFLICT (moment_id) DO UPDATE
                SET likes = t.likes + 1, heat = heat_sum(t.heat, excluded.heat);
        ELSE
            PERFORM 1 FROM like_tallies WHERE moment_id = OLD.moment_id FOR UPDATE;
            UPDATE like_tallies SET likes = likes - 1, heat = (
                SELECT max(hottest) + ln(sum(power(2::double precision, -least(hottest - heat, 60))))
                                      / ln(2::double precision)
                FROM (SELECT like_heat(liked_at) AS heat, max(like_heat(liked_at)) OVER () AS hottest
                      FROM likes
                      WHERE moment_id = OLD.moment_id AND counts_for_trending AND NOT withdrawn) AS heats
            ) WHERE moment_id = OLD.moment_id;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER likes_tally_insert AFTER INSERT ON likes
        FOR EACH ROW WHEN (NOT NEW.withdrawn) EXECUTE FUNCTION likes_tally()
    """,
    """
    CREATE OR REPLACE TRIGGER likes_tally_update AFTER UPDATE OF withdrawn ON likes
        FOR EACH ROW WHEN (OLD.withdrawn IS DISTINCT FROM NEW.withdrawn)
        EXECUTE FUNCTION likes_tally()
    """,
    """
    CREATE OR REPLACE TRIGGER likes_tally_delete AFTER DELETE ON likes
        FOR EACH ROW WHEN (NOT OLD.withdrawn) EXECUTE FUNCTION likes_tally()
    """,
]

_HEAT = "((julianday({0}) - julianday('2026-01-01')) / 2.0)"

_ADD_LIKE = f"""
    INSERT INTO like_tallies (moment_id, likes, heat)
    VALUES (NEW.moment_id, 1, CASE WHEN NEW.counts_for_trending THEN {_HEAT.format("NEW.liked_at")} END)
    ON CONFLICT (moment_id) DO UPDATE SET likes = likes + 1, heat =
        CASE WHEN heat IS NULL THEN excluded.heat WHEN excluded.heat IS NULL THEN heat
        ELSE max(heat, excluded.heat)
             + ln(1 + power(2.0, -min(abs(heat - excluded.heat), 60.0))) / ln(2.0) END;
"""  # noqa: S608  only our own constants
_REMOVE_LIKE = f"""
    UPDATE like_tallies SET likes = likes - 1, heat = (
        SELECT max(hottest) + ln(sum(power(2.0, -min(hottest - heat, 60.0)))) / ln(2.0)
        FROM (SELECT {_HEAT.format("liked_at")} AS heat,
                     max({_HEAT.format("liked_at")}) OVER () AS hottest
              FROM likes WHERE moment_id = OLD.moment_id AND counts_for_trending AND NOT withdrawn)
    ) WHERE moment_id = OLD.moment_id;
"""  # noqa: S608  only our own constants

SQLITE = [
    f"""
    CREATE TRIGGER likes_tally_insert AFTER INSERT ON likes
    WHEN NOT NEW.withdrawn BEGIN {_ADD_LIKE} END
    """,
    f"""
    CREATE TRIGGER likes_tally_again AFTER UPDATE OF withdrawn ON likes
    WHEN OLD.withdrawn AND NOT NEW.withdrawn BEGIN {_ADD_LIKE} END
    """,
    f"""
    CREATE TRIGGER likes_tally_withdraw AFTER UPDATE OF withdrawn ON likes
    WHEN NEW.withdrawn AND NOT OLD.withdrawn BEGIN {_REMOVE_LIKE} END
    """,
    f"""
    CREATE TRIGGER likes_tally_delete AFTER DELETE ON likes
    WHEN NOT OLD.withdrawn BEGIN {_REMOVE_LIKE} END
    """,
]
