"""Empties the database after a test that commits, faster than Django's own ``flush``.

On PostgreSQL, Django truncates every table, which makes new files for each table and each index;
then it makes content types and permissions again, a query at a time. Together this takes longer
than most tests. Here a table is emptied row by row, which is quicker while there are few, and what
Django derives from the code stays.
"""

from __future__ import annotations

from django.apps import apps
from django.core.management import call_command
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate
from django.test import TransactionTestCase

# The same before and after every test: they follow from the code.
KEPT = ("auth_permission", "django_content_type", "django_migrations")

# No trigger and no foreign key is looked at: in the end every table is empty. A large table is
# truncated, and then all are, because PostgreSQL truncates none that another one refers to.
EMPTY_POSTGRESQL = f"""
    DO $$
    DECLARE
        names text[] := array(
            SELECT quote_ident(tablename) FROM pg_tables
            WHERE schemaname = current_schema() AND tablename NOT IN {KEPT}
        );
        name text;
    BEGIN
        PERFORM set_config('session_replication_role', 'replica', true);
        IF (SELECT max(pg_relation_size(one::regclass)) FROM unnest(names) AS one) > 1000000 THEN
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
        cursor.execute(EMPTY_POSTGRESQL)


def empty_sqlite(connection: BaseDatabaseWrapper) -> None:
    """Empty the models' tables; then set right what triggers have counted meanwhile."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for table in tables:
            if table not in KEPT:
                cursor.execute(f'DELETE FROM "{table}"')
    timeline = apps.get_app_config("timeline")
    post_migrate.send(
        sender=timeline, app_config=timeline, using=connection.alias,
        verbosity=0, interactive=False, apps=apps, plan=[],
    )  # fmt: skip


def may_ignore_triggers(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def empty_after_test(case: TransactionTestCase) -> None:
    """Stand in for ``TransactionTestCase._fixture_teardown``."""
    for alias in case._databases_names(include_mirrors=False):
        connection = connections[alias]
        if connection.vendor == "sqlite":
            empty_sqlite(connection)
        elif may_ignore_triggers(connection):
            empty_postgresql(connection)
        else:
            call_command(
                "flush", verbosity=0, interactive=False, database=alias, reset_sequences=False
            )


def install() -> None:
    TransactionTestCase._fixture_teardown = empty_after_test
