"""An uncached list page of 50 moments: the time that the ORM and the template add to the SQL.

``python -m tests.benchmarks.page [--rounds N]``, on ``DATABASE_URL``.

Each round measures a call of the view (its queries, objects and HTML), and then
the same SQL statements through a bare cursor, which fetches their rows. Each
round uses another page. The medians of all rounds are compared.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django

GOAL, MAX_QUERIES = 4.0, 6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    os.environ |= {"LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "momentverse.settings"}
    django.setup()
    from django.conf import settings

    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    view_times, sql_times, queries = measure(options.rounds)
    view, sql = statistics.median(view_times), statistics.median(sql_times)
    sys.stdout.write(
        f"list page: view {view:.2f} ms, its SQL alone {sql:.2f} ms,"
        f" ORM and template {(view - sql) / sql:.2f} times the SQL (goal {GOAL:.2f})\n"
        f"list page: {queries} queries (goal {MAX_QUERIES})\n"
    )
    return 0


def measure(rounds: int) -> tuple[list[float], list[float], int]:
    """Return the milliseconds of views and of their SQL, and the highest number of queries of a view."""
    from django.contrib.auth.models import AnonymousUser
    from django.db import connection
    from django.test import RequestFactory
    from django.urls import resolve

    # The log of slow queries adds its wrapper when a connection opens, which must come before ours.
    connection.ensure_connection()
    view = resolve("/timeline/").func
    factory = RequestFactory(SERVER_NAME="127.0.0.1")
    view_times, sql_times, max_queries = [], [], 0
    for number in range(rounds):
        at = dt.datetime(2000, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=7 * (number % 50))
        statements: list[tuple[str, Any]] = []

        def record(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            statements.append((sql, params))  # noqa: B023  used within this round
            return execute(sql, params, many, context)

        def call_view() -> None:
            request = factory.get("/timeline/", {"before": f"{at:%Y-%m-%dT%H:%M:%SZ}"})  # noqa: B023
            request.user = AnonymousUser()
            assert view(request).status_code == 200

        def execute_sql() -> None:
            for sql, params in statements:  # noqa: B023
                with connection.cursor() as cursor:
                    cursor.execute(sql, params)
                    cursor.fetchall()

        with connection.execute_wrapper(record):
            call_view()  # warms the database's cache for both, and records the statements
        max_queries = max(max_queries, len(statements))
        view_times.append(measure_milliseconds(call_view))
        sql_times.append(measure_milliseconds(execute_sql))
    return view_times, sql_times, max_queries


def measure_milliseconds(function: Callable[[], None]) -> float:
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
