"""Rules for search: triggers index the texts of public moments.

A moment that is not public has no row in the index. Its texts therefore cannot change
anybody's results, nor even the time that a search takes.

PostgreSQL: a table beside ``moments`` with a ``tsvector`` and a GIN index, so that
``moments`` need not be rewritten. SQLite: a full-text table of FTS5. Neither has a
Django model. Triggers keep both up to date, and only ``timeline/selectors/search.py``
reads them.
"""

from __future__ import annotations

TABLES = frozenset({"moments", "moment_tags", "tags", "moment_search"})
INDEX = "idx_moment_search_document"

POSTGRESQL_TABLE = """
    CREATE TABLE IF NOT EXISTS moment_search (
        moment_id bigint PRIMARY KEY,
        user_id bigint NOT NULL,
        starts_at timestamptz NOT NULL,
        document tsvector NOT NULL
    )
"""
# The start is not unique here: two moments may swap places within one transaction.
POSTGRESQL_INDEXES = {
    "idx_moment_search_time": "(starts_at)",
    "idx_moment_search_user_time": "(user_id, starts_at)",
    # Every search also reads the list of pending entries, so that list is kept short.
    INDEX: "USING gin (document) WITH (gin_pending_list_limit = 512)",
}

# Weights: the title most, then tags, the place, the story.
POSTGRESQL_DOCUMENT = """
    setweight(to_tsvector('english', m.title), 'A')
    || setweight(to_tsvector('english', coalesce(
        (SELECT string_agg(t.name, ' ' ORDER BY t.name) FROM moment_tags AS c
         JOIN tags AS t ON t.id = c.tag_id WHERE c.moment_id = m.id), '')), 'B')
    || setweight(to_tsvector('english', m.place), 'C')
    || setweight(to_tsvector('english', m.story), 'D')
"""

POSTGRESQL = [
    # The moment's row is locked first. When two transactions change its texts and its tags at the
    # same time, the later one then sees both changes.
    f"""
    CREATE OR REPLACE FUNCTION moment_search_refresh(wanted bigint) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM moments WHERE id = wanted FOR NO KEY UPDATE;
        INSERT INTO moment_search AS s (moment_id, user_id, starts_at, document)
        SELECT m.id, m.user_id, m.starts_at, {POSTGRESQL_DOCUMENT}
        FROM moments AS m
        WHERE m.id = wanted AND m.status = 'active' AND m.visibility = 'public'
        ON CONFLICT (moment_id) DO UPDATE SET user_id = excluded.user_id,
            starts_at = excluded.starts_at, document = excluded.document;
        IF NOT FOUND THEN
            DELETE FROM moment_search WHERE moment_id = wanted;
        END IF;
    END $$
    """,  # noqa: S608  only our own constants
    """
    CREATE OR REPLACE FUNCTION moments_search() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'TRUNCATE' THEN
            DELETE FROM moment_search;
        ELSIF TG_OP = 'DELETE' THEN
            DELETE FROM moment_search WHERE moment_id = OLD.id;
        ELSE
            PERFORM moment_search_refresh(NEW.id);
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER moments_search_insert AFTER INSERT ON moments FOR EACH ROW
        WHEN (NEW.status = 'active' AND NEW.visibility = 'public')
        EXECUTE FUNCTION moments_search()
    """,
    # A moment that was not public and is not public now has no row and needs none.
    """
    CREATE OR REPLACE TRIGGER moments_search_update AFTER UPDATE ON moments FOR EACH ROW
        WHEN ((OLD.title, OLD.story, OLD.place, OLD.status, OLD.visibility, OLD.starts_at, OLD.user_id)
              IS DISTINCT FROM
              (NEW.title, NEW.story, NEW.place, NEW.status, NEW.visibility, NEW.starts_at, NEW.user_id)
              AND ((OLD.status = 'active' AND OLD.visibility = 'public')
                   OR (NEW.status = 'active' AND NEW.visibility = 'public')))
        EXECUTE FUNCTION moments_search()
    """,
    """
    CREATE OR REPLACE TRIGGER moments_search_delete AFTER DELETE ON moments FOR EACH ROW
        WHEN (OLD.status = 'active' AND OLD.visibility = 'public')
        EXECUTE FUNCTION moments_search()
    """,
    """
    CREATE OR REPLACE TRIGGER moments_search_truncate AFTER TRUNCATE ON moments
        FOR EACH STATEMENT EXECUTE FUNCTION moments_search()
    """,
    # Once per statement and moment, because a moment gets all its tags in one statement.
    """
    CREATE OR REPLACE FUNCTION moment_tags_search() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM moment_search_refresh(changed.moment_id)
        FROM (SELECT DISTINCT r.moment_id FROM changed_rows AS r ORDER BY r.moment_id) AS changed;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER moment_tags_search_insert AFTER INSERT ON moment_tags
        REFERENCING NEW TABLE AS changed_rows
        FOR EACH STATEMENT EXECUTE FUNCTION moment_tags_search()
    """,
    """
    CREATE OR REPLACE TRIGGER moment_tags_search_delete AFTER DELETE ON moment_tags
        REFERENCING OLD TABLE AS changed_rows
        FOR EACH STATEMENT EXECUTE FUNCTION moment_tags_search()
    """,
    """
    CREATE OR REPLACE FUNCTION tags_search() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM moment_search_refresh(carriers.moment_id)
        FROM (SELECT moment_id FROM moment_tags WHERE tag_id = NEW.id ORDER BY moment_id) AS carriers;
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE TRIGGER tags_search_rename AFTER UPDATE OF name ON tags FOR EACH ROW
        WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION tags_search()
    """,
]

# Porter's stemmer, as in PostgreSQL's `english`. Letters are compared without accents.
SQLITE_TABLE = """
    CREATE VIRTUAL TABLE moment_search USING fts5(
        title, tags, place, story, tokenize = "porter unicode61 remove_diacritics 2"
    )
"""


def sqlite_refresh(moments: str) -> tuple[str, str]:
    """Return two statements that rewrite the rows of some moments. ``moments`` is a condition on ``m``."""
    delete = (
        f"DELETE FROM moment_search WHERE rowid IN (SELECT m.id FROM moments AS m WHERE {moments})"  # noqa: S608
    )
    insert = f"""
        INSERT INTO moment_search (rowid, title, tags, place, story)
        SELECT m.id, m.title,
               coalesce((SELECT group_concat(t.name, ' ') FROM moment_tags AS c
                         JOIN tags AS t ON t.id = c.tag_id WHERE c.moment_id = m.id), ''),
               m.place, m.story
        FROM moments AS m
        WHERE {moments} AND m.status = 'active' AND m.visibility = 'public'
    """  # noqa: S608  only our own constants
    return delete, insert


def _refresh_body(moments: str) -> str:
    """Return a trigger body that runs both statements of ``sqlite_refresh``."""
    return "".join(f"{statement};\n" for statement in sqlite_refresh(moments))


SQLITE = [
    f"""
    CREATE TRIGGER moments_search_insert AFTER INSERT ON moments
    WHEN NEW.status = 'active' AND NEW.visibility = 'public'
    BEGIN {_refresh_body("m.id = NEW.id")} END
    """,
    f"""
    CREATE TRIGGER moments_search_update
    AFTER UPDATE OF title, story, place, status, visibility ON moments
    WHEN (OLD.title, OLD.story, OLD.place, OLD.status, OLD.visibility)
      IS NOT (NEW.title, NEW.story, NEW.place, NEW.status, NEW.visibility)
     AND ((OLD.status = 'active' AND OLD.visibility = 'public')
          OR (NEW.status = 'active' AND NEW.visibility = 'public'))
    BEGIN {_refresh_body("m.id = NEW.id")} END
    """,
    """
    CREATE TRIGGER moments_search_delete AFTER DELETE ON moments
    WHEN OLD.status = 'active' AND OLD.visibility = 'public'
    BEGIN DELETE FROM moment_search WHERE rowid = OLD.id; END
    """,
    f"""
    CREATE TRIGGER moment_tags_search_insert AFTER INSERT ON moment_tags
    BEGIN {_refresh_body("m.id = NEW.moment_id")} END
    """,
    f"""
    CREATE TRIGGER moment_tags_search_delete AFTER DELETE ON moment_tags
    BEGIN {_refresh_body("m.id = OLD.moment_id")} END
    """,
    f"""
    CREATE TRIGGER tags_search_rename AFTER UPDATE OF name ON tags
    WHEN OLD.name <> NEW.name
    BEGIN
        {_refresh_body("m.id IN (SELECT moment_id FROM moment_tags WHERE tag_id = NEW.id)")}
    END
    """,  # noqa: S608  only our own constants
]
