"""Empties the database after a test that commits, faster than Django's own ``flush``.

On PostgreSQL, Django truncates every table, which creates new files for each table and each index.
Then it creates the content types and permissions again, one query at a time. Together this takes
longer than most tests. This module deletes the rows instead, which is faster as long as there are
few, and it keeps the rows that Django derives from the code.
"""

from __future__ import annotations

from django.apps import apps
from django.core.management import call_command
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate
from django.test import TransactionTestCase

# Tables whose rows are derived from the code, so that they are the same before and after every test.
KEPT_TABLES = ("auth_permission", "django_content_type", "django_migrations")

# Triggers and foreign keys are disabled, because every table is empty in the end. If one table is large,
# all are truncated, because PostgreSQL does not truncate a table alone that another one refers to.
EMPTY_TABLES_SQL = f"""
    DO $$
    DECLARE
        names text[] := array(
            SELECT quote_ident(tablename) FROM pg_tables
            WHERE schemaname = current_schema() AND tablename NOT IN {KEPT_TABLES}
        );
        name text;
    BEGIN
        PERFORM set_config('session_replication_role', 'replica', true);
        IF (SELECT max(pg_relation_size(item::regclass)) FROM unnest(names) AS item) > 1000000 THEN
            EXECUTE 'TRUNCATE ' || array_to_string(names, ', ');
        ELSE
            FOREACH name IN ARRAY names LOOP
                EXECUTE 'DELETE FROM ' || name;
            END LOOP;
        END IF;
    END $$
"""


def empty_postgresql(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(EMPTY_TABLES_SQL)


def empty_sqlite(connection: BaseDatabaseWrapper) -> None:
    """Empty the models' tables, and then reset the counts that triggers have kept meanwhile."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for table in tables:
            if table not in KEPT_TABLES:
                cursor.execute(f'DELETE FROM "{table}"')
    timeline = apps.get_app_config("timeline")
    post_migrate.send(
        sender=timeline, app_config=timeline, using=connection.alias,
        verbosity=0, interactive=False, apps=apps, plan=[],
    )  # fmt: skip


def can_disable_triggers(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def empty_after_test(case: TransactionTestCase) -> None:
    """Empty the test's databases. Replaces ``TransactionTestCase._fixture_teardown``."""
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        if connection.vendor == "sqlite":
            empty_sqlite(connection)
        elif can_disable_triggers(connection):
            empty_postgresql(connection)
        else:
            call_command(
                "flush", verbosity=0, interactive=False, database=alias, reset_sequences=False
            )


def install() -> None:
    TransactionTestCase._fixture_teardown = empty_after_test
