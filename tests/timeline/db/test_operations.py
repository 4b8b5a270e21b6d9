"""Indexes are built beside writers, and a build that was killed is made good."""

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
def add():
    """Return a function that adds an index on the places of moments; it is gone afterwards."""
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


def columns():
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Moment._meta.db_table)
    return found[NAME]["columns"]


@pytest.mark.django_db(transaction=True)
def test_it_works(add):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        add()
    assert columns() == ["place"]
    if connection.vendor == "postgresql":
        built = [query["sql"] for query in queries if "CREATE INDEX" in query["sql"]]
        assert len(built) == 1
        assert "CONCURRENTLY" in built[0]


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_run_left_is_replaced(add):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON moments (title)")  # as useless as an invalid one
    add()
    assert columns() == ["place"]
