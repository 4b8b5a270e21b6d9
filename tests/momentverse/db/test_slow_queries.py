"""Slow queries are logged, with the request's id and without their parameters."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def every_query_is_slow(settings):
    settings.SLOW_QUERY_MS = 0


def test_it_works(visitor, log):
    response = visitor.get("/t/people/")
    (line,) = log.from_logger("momentverse.slow_queries")
    assert line["level"] == "WARNING"
    assert line["message"] == "slow query"
    assert "accounts_user" in line["sql"]
    assert line["ms"] >= 0
    assert line["request_id"] == response["X-Request-ID"]


def test_parameters_are_not_logged(log):
    User.objects.filter(email="private@example.org").exists()
    assert log.from_logger("momentverse.slow_queries")
    assert "private@example.org" not in "".join(log.lines)


def test_failing_queries_are_logged_too(log):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT nonsense FROM nowhere")
    assert "nowhere" in "".join(line["sql"] for line in log.from_logger("momentverse.slow_queries"))


def test_long_statements_are_truncated(log):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 -- " + "x" * 10_000)
    assert len(log.from_logger("momentverse.slow_queries")[0]["sql"]) <= 2000


def test_fast_queries_are_not_logged(log, settings):
    settings.SLOW_QUERY_MS = 60_000
    User.objects.exists()
    assert log.from_logger("momentverse.slow_queries") == []


@pytest.mark.django_db(transaction=True)
def test_reopened_connection_logs_each_query_once(log):
    for _ in range(3):
        connection.close()
        User.objects.exists()
    user_queries = [
        line
        for line in log.from_logger("momentverse.slow_queries")
        if "accounts_user" in line["sql"]
    ]
    assert len(user_queries) == 3
