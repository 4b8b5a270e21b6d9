"""Reads on a table with 10,000 moments, compared with one of 5,000,000.

``python -m tests.benchmarks.reading [--large N] [--large-url URL] [--rounds N]``

Both tables are in one PostgreSQL and are read in turns, so that other load on
the machine affects both equally. The medians are compared. The small table has
its moments in one year, the large one in 121 years; each read returns the same
number of rows from both. ``--large-url`` names a database that already has
moments, because loading five million takes minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import django

from tests.support.servers import database_and_cache

SMALL = 10_000
ROUNDS = 200
# Reads are repeated at different instants, because one instant may be an exception.
INSTANTS = 50
# Six hours have 7 moments in the small table and 28 in the large one, so both return this many.
IN_SIX_HOURS = 4


def main() -> int:
    options = read_options()
    with database_and_cache(durable=True) as urls:
        os.environ |= urls | {"RATE_LIMIT_PER_MINUTE": "100000000", "LOG_LEVEL": "ERROR"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "momentverse.settings"
        django.setup()
        prepare(options)
        print_table(measure(options.rounds), options.rounds)
        print_plan()
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", type=int, default=5_000_000)
    parser.add_argument("--large-url", default="")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    return parser.parse_args()


def prepare(options: argparse.Namespace) -> None:
    """Create and load both databases, and give each an alias in Django."""
    from django.conf import settings
    from django.db import connections

    from momentverse.db.url import database_from_url

    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    parts = urlsplit(os.environ["DATABASE_URL"])
    connections.databases["server"] = settings.DATABASES["default"] | {"NAME": "postgres"}
    with connections["server"].cursor() as cursor:
        for name in ("benchmark_small", "benchmark_large"):
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
    small, large = (
        parts._replace(path=f"/benchmark_{size}").geturl() for size in ("small", "large")
    )
    load(small, SMALL, 2000, 2000)
    if not options.large_url:
        load(large, options.large, 1900, 2020)
    connections.databases["small"] = settings.DATABASES["default"] | database_from_url(
        small, settings.DATA_DIR
    )
    connections.databases["large"] = settings.DATABASES["default"] | database_from_url(
        options.large_url or large, settings.DATA_DIR
    )


def load(url: str, number: int, first: int, last: int) -> None:
    environment = os.environ | {"DATABASE_URL": url}
    years = ["--from-year", str(first), "--to-year", str(last)]
    for command in (["migrate", "-v0"], ["generate_moments", str(number), *years]):
        subprocess.run([sys.executable, "manage.py", *command], env=environment, check=True)


def use(alias: str) -> None:
    """Make a connection Django's default connection."""
    from django.db import connections

    connections["default"] = connections[alias]


def measure(rounds: int) -> list[tuple[str, float, float]]:
    """Return the name of each read, and its median milliseconds on the small and on the large table."""
    rows = []
    for name, read in get_reads().items():
        times: dict[str, list[float]] = {"small": [], "large": []}
        for number in range(rounds):
            for alias, durations in times.items():
                use(alias)
                instant = dt.datetime(2000, 1, 2, tzinfo=dt.UTC) + dt.timedelta(
                    days=7 * (number % INSTANTS), hours=number % 24
                )
                read(instant)  # fills the caches for the measured read
                started = time.perf_counter()
                read(instant)
                durations.append((time.perf_counter() - started) * 1000)
        rows.append((name, *(statistics.median(times[alias]) for alias in ("small", "large"))))
    return rows


def get_reads() -> dict[str, Callable[[dt.datetime], Any]]:
    """Return the measured functions by name: first single queries, then whole pages."""
    from django.test import Client

    from timeline.core.periods import Level, get_period
    from timeline.selectors import moments, pagination, rollups

    client = Client(SERVER_NAME="127.0.0.1")
    hour = dt.timedelta(hours=1)

    def get(address: str) -> None:
        assert client.get(address).status_code == 200, address

    def page(level: Level) -> Callable[[dt.datetime], Any]:
        return lambda at: get(get_period(level, at).url)

    return {
        "moments of 6 hours": lambda at: moments.list_in_period(
            None, at, at + 6 * hour, size=IN_SIX_HOURS
        ),
        "newest before": lambda at: moments.list_newest(
            None, pagination.Cursor(before=at), size=20
        ),
        "counts of a year": lambda at: rollups.get_tally_with_children(get_period(Level.YEAR, at)),
        "counts of a century": lambda at: rollups.get_tally_with_children(
            get_period(Level.CENTURY, at)
        ),
        "counts of a day's hours": lambda at: rollups.get_tally_with_children(
            get_period(Level.DAY, at)
        ),
        "page /timeline/": lambda at: get(f"/timeline/?before={at:%Y-%m-%dT%H:%M:%S}"),
        "page of a century": page(Level.CENTURY),
        "page of a year": page(Level.YEAR),
        "page of a month": page(Level.MONTH),
        "page of a day": page(Level.DAY),
        "page of a day of any year": lambda at: get(f"/today/{at:%m-%d}/"),
        "/api/density/month": lambda at: get(f"/api/density/month?at={at:%Y-%m-%d}"),
        "/api/density/hour": lambda at: get(f"/api/density/hour?at={at:%Y-%m-%d}"),
        "/api/free": lambda at: get(f"/api/free?at={at:%Y-%m-%dT%H:%M:%S}Z"),
        "/api/timeline": lambda at: get(f"/api/timeline?cursor={at:%Y-%m-%dT%H:%M:%S}Z"),
    }


def print_table(rows: list[tuple[str, float, float]], rounds: int) -> None:
    write = sys.stdout.write
    write(f"\n{'':28}{'10,000':>10}{'large':>10}{'ratio':>8}   (median ms, {rounds} each)\n")
    for name, small, large in rows:
        write(f"{name:28}{small:10.2f}{large:10.2f}{large / small:8.2f}\n")


def print_plan() -> None:
    """Print PostgreSQL's plan for reading one day of the large table."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from timeline.selectors import moments

    use("large")
    start = dt.datetime(1969, 7, 20, tzinfo=dt.UTC)
    with CaptureQueriesContext(connection) as captured:
        moments.list_in_period(None, start, start + dt.timedelta(days=1))
    sql = captured[0]["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}")
        lines = [row[0] for row in cursor.fetchall()]
    sys.stdout.write("\n".join(["", sql, "", *lines, ""]))


if __name__ == "__main__":
    sys.exit(main())
