"""A list page of 50 moments, not cached: what the ORM and the template add to the SQL.

``python -m tests.benchmarks.page [--rounds N]``, on ``DATABASE_URL``.

A round asks the view for a page (its query, objects and HTML), then sends the
statements that it sent through a bare cursor and fetches their rows; each round
another page. Medians are compared, of rounds that were taken in turns.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import sys
import time
from typing import Any

import django

GOAL, MOST_QUERIES = 4.0, 6


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
    views, statements, queries = measure(options.rounds)
    view, sql = statistics.median(views), statistics.median(statements)
    sys.stdout.write(
        f"list page: view {view:.2f} ms, its SQL alone {sql:.2f} ms,"
        f" ORM and template {(view - sql) / sql:.2f} times the SQL (goal {GOAL:.2f})\n"
        f"list page: {queries} queries (goal {MOST_QUERIES})\n"
    )
    return 0


def measure(rounds: int) -> tuple[list[float], list[float], int]:
    """Return milliseconds of views, of their SQL alone, and the most queries of one view."""
    from django.contrib.auth.models import AnonymousUser
    from django.db import connection
    from django.test import RequestFactory
    from django.urls import resolve

    # Whoever watches connections for slow queries puts itself on while one opens.
    connection.ensure_connection()
    view = resolve("/timeline/").func
    factory = RequestFactory(SERVER_NAME="127.0.0.1")
    views, statements, most = [], [], 0
    for number in range(rounds):
        at = dt.datetime(2000, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=7 * (number % 50))
        sent: list[tuple[str, Any]] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            sent.append((sql, params))  # noqa: B023  used within this round
            return execute(sql, params, many, context)

        def ask() -> None:
            request = factory.get("/timeline/", {"before": f"{at:%Y-%m-%dT%H:%M:%SZ}"})  # noqa: B023
            request.user = AnonymousUser()
            assert view(request).status_code == 200

        def ask_sql() -> None:
            for sql, params in sent:  # noqa: B023
                with connection.cursor() as cursor:
                    cursor.execute(sql, params)
                    cursor.fetchall()

        with connection.execute_wrapper(note):
            ask()  # warms what both find, and tells which statements there are
        most = max(most, len(sent))
        views.append(milliseconds(ask))
        statements.append(milliseconds(ask_sql))
    return views, statements, most


def milliseconds(do: Any) -> float:
    started = time.perf_counter()
    do()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
