"""Claims per second, compared with a bare INSERT under the same constraint.

``python -m tests.benchmarks.claims [--rows N] [--url URL] [--clients N]``

The same number of client processes does both in turns, on free spans of a table
with ``--rows`` moments. A bare INSERT is one row in one transaction, sent by the
driver. A claim is ``holds.hold``: it checks whether the person may hold another
span, locks the days, releases expired holds, writes the moment and its order,
and commits. Then 100 people race for 10 spans, each of which overlaps two
others.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

from tests.support.servers import database_and_cache

ROUNDS = 6
OPERATIONS = 300  # per client and round
# After all loaded moments, so that every span is free.
FIRST_DAY = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


def main() -> int:
    options = read_options()
    with database_and_cache(durable=True) as urls:
        os.environ |= urls | {
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "momentverse.settings",
        }
        if options.url:
            os.environ["DATABASE_URL"] = options.url
        else:
            load(options.rows)
        django.setup()
        print_rates(measure(options.clients))
        print_race(race())
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--url", default="", help="a database that already has moments")
    parser.add_argument("--clients", type=int, default=4)
    return parser.parse_args()


def load(rows: int) -> None:
    subprocess.run([sys.executable, "-c", CREATE_DATABASE], check=True)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], check=True)
    years = ["--from-year", "1900", "--to-year", "2020"]
    subprocess.run([sys.executable, "manage.py", "generate_moments", str(rows), *years], check=True)


CREATE_DATABASE = """
import django; django.setup()
from django.conf import settings
from django.db import connections
name = settings.DATABASES["default"]["NAME"]
connections.databases["server"] = settings.DATABASES["default"] | {"NAME": "postgres"}
with connections["server"].cursor() as cursor:
    cursor.execute(f"DROP DATABASE IF EXISTS {name}")
    cursor.execute(f"CREATE DATABASE {name}")
"""


def measure(clients: int) -> dict[str, list[float]]:
    """Return the operations per second of each kind, one figure per round."""
    from accounts.models import User

    people = clients * ROUNDS * (OPERATIONS // 3 + 1)
    User.objects.bulk_create(
        User(email=f"claimer-{n}@load.invalid", handle=f"claimer-{n}") for n in range(people)
    )
    ids = list(User.objects.filter(email__endswith="@load.invalid").values_list("pk", flat=True))
    rates: dict[str, list[float]] = {"bare INSERT": [], "claim": []}
    for number in range(ROUNDS):
        for kind, figures in rates.items():
            figures.append(measure_rate(kind, number, clients, ids))
    return rates


def measure_rate(kind: str, number: int, clients: int, ids: list[int]) -> float:
    """Return the operations per second of all clients in one round."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(clients + 1)
    share = len(ids) // (clients * ROUNDS)
    workers = []
    for client in range(clients):
        index = number * clients + client
        own_ids = ids[index * share : (index + 1) * share]
        day = FIRST_DAY + dt.timedelta(days=index * 2 + (kind == "claim"))
        workers.append(context.Process(target=run_client, args=(kind, day, own_ids, start)))
    for worker in workers:
        worker.start()
    start.wait()
    started = time.perf_counter()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return clients * OPERATIONS / (time.perf_counter() - started)


def run_client(kind: str, day: dt.datetime, ids: list[int], start: Any) -> None:
    """Do one client's operations of one round. Runs in its own process."""
    django.setup()
    from django.db import connection

    from accounts.models import User
    from timeline.core.spans import Span

    people = list(User.objects.filter(pk__in=ids))
    spans = [Span(day + n * 60 * SECOND, day + (n * 60 + 59) * SECOND) for n in range(OPERATIONS)]
    operation = {"bare INSERT": insert, "claim": claim}[kind]
    operation(people[-1], Span(day - 90 * SECOND, day - 60 * SECOND))  # opens the connection
    start.wait()
    for number, span in enumerate(spans):
        operation(people[number // 3], span)
    connection.close()


def claim(person: Any, span: Any) -> None:
    from timeline.services.claims import holds

    holds.hold(person, span)


def insert(person: Any, span: Any) -> None:
    from django.db import connection

    from timeline.core.public_ids import random_id

    with connection.cursor() as cursor:
        cursor.execute(INSERT, [random_id(), person.pk, span.starts_at, span.ends_at])


INSERT = """
    INSERT INTO moments (id, user_id, starts_at, ends_at, status, held_until, status_changed_at,
        status_reason, visibility, title, story, place, time_zone, utc_offset, tzdata_version,
        source, external_id, created_at, updated_at)
    VALUES (%s, %s, %s, %s, 'held', now() + interval '10 minutes', now(), '', 'public', '', '', '',
        'UTC', 0, '', '', '', now(), now())
"""


def race() -> tuple[Counter[str], list[float]]:
    """Let 100 people race for 10 spans, each of which overlaps two others, ten times.

    Return the number of each outcome, and the duration of each attempt in milliseconds.
    """
    from django.db import connection

    from accounts.models import User
    from timeline.core.exceptions import SpanTaken
    from timeline.core.spans import Span
    from timeline.services.payments.holds import hold_or_expire

    # New people, because the earlier ones already hold as many spans as allowed.
    User.objects.bulk_create(
        User(email=f"racer-{n}@load.invalid", handle=f"racer-{n}") for n in range(1000)
    )
    people = list(User.objects.filter(handle__startswith="racer-"))
    outcomes: Counter[str] = Counter()
    times: list[float] = []

    def try_to_hold(person: User, span: Span) -> None:
        started = time.perf_counter()
        try:
            hold_or_expire(person, span)
            outcomes["held"] += 1
        except SpanTaken:
            outcomes["taken"] += 1
        except Exception as error:  # noqa: BLE001  every outcome is counted
            outcomes[type(error).__name__] += 1
        times.append((time.perf_counter() - started) * 1000)
        connection.close()

    with ThreadPoolExecutor(40) as pool:
        for number in range(10):
            start = FIRST_DAY + dt.timedelta(days=1000 + number)
            ring = [
                Span(start + n * 40 * SECOND, start + (n * 40 + 60) * SECOND) for n in range(10)
            ]
            racers = people[number * 100 : (number + 1) * 100]
            list(pool.map(try_to_hold, racers, ring * 10))
    return outcomes, times


def print_rates(rates: dict[str, list[float]]) -> None:
    medians = {kind: statistics.median(figures) for kind, figures in rates.items()}
    for kind, median in medians.items():
        sys.stdout.write(f"{kind:14}{median:8.0f} a second (median of {ROUNDS} rounds)\n")
    ratio = medians["claim"] / medians["bare INSERT"]
    sys.stdout.write(f"{'ratio':14}{ratio:8.2f} (goal 0.50)\n")


def print_race(result: tuple[Counter[str], list[float]]) -> None:
    outcomes, times = result
    percentile = statistics.quantiles(times, n=100)[98]
    sys.stdout.write(f"race for rings: {dict(outcomes)}, 99th percentile {percentile:.0f} ms\n")
    others = outcomes.total() - outcomes["held"] - outcomes["taken"]
    sys.stdout.write(f"race, other outcomes: {others} (goal 0)\n")


if __name__ == "__main__":
    sys.exit(main())
