"""Indexes are built without blocking writers, and again after a build that was killed."""

from __future__ import annotations

import pytest
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext

from timeline.db.operations import AddIndexConcurrently
from timeline.models import Moment

BEFORE = ("timeline", "0001_initial")
NAME = "idx_for_a_test"


@pytest.fixture
def add_index():
    """Return a function that adds an index on the places of moments. The index is dropped after the test."""
    operation = AddIndexConcurrently("moment", models.Index(fields=["place"], name=NAME))
    before = MigrationExecutor(connection).loader.project_state(BEFORE)
    after = before.clone()
    operation.state_forwards("timeline", after)

    def run():
        with connection.schema_editor(atomic=False) as editor:
            operation.database_forwards("timeline", editor, before, after)

    yield run
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {NAME}")


def get_columns():
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, Moment._meta.db_table)
    return constraints[NAME]["columns"]


@pytest.mark.django_db(transaction=True)
def test_it_works(add_index):
    with CaptureQueriesContext(connection) as queries:
        add_index()
    assert get_columns() == ["place"]
    if connection.vendor == "postgresql":
        statements = [query["sql"] for query in queries if "CREATE INDEX" in query["sql"]]
        assert len(statements) == 1
        assert "CONCURRENTLY" in statements[0]


@pytest.mark.django_db(transaction=True)
def test_invalid_index_of_a_killed_run_is_replaced(add_index):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON moments (title)")  # stands for an invalid index
    add_index()
    assert get_columns() == ["place"]
