"""Many people claim the same spans from several processes: one gets each, the others see that it is taken."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection, connections
from django.urls import reverse

from accounts.models import User
from tests.support import invariants
from tests.support.claims import let_time_pass, span_of
from tests.support.examples import scale_examples
from tests.support.served import Person, database_url
from tests.support.servers import ROOT, gunicorn, site_environment
from timeline.core.exceptions import SpanTaken
from timeline.models import Moment, Order, Status
from timeline.services import placement
from timeline.services.claims import holds

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = 4
ROUNDS = int(os.environ.get("ROUNDS", "0")) or scale_examples(10)


class Crowd:
    """Claimants in several processes."""

    def __init__(self) -> None:
        url = database_url().replace("connection_limit=40", "connection_limit=20")
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.claimants"],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": url, "LOG_LEVEL": "ERROR"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(PROCESSES)
        ]
        self.times: list[float] = []
        for process in self.processes:
            assert process.stdout.readline() == "ready\n"

    def race(self, claims: list[tuple[int, str, int]]) -> Counter[str]:
        """Claim all at once. Return how often each outcome occurred."""
        for number, process in enumerate(self.processes):
            process.stdin.write(json.dumps(claims[number::PROCESSES]) + "\n")
            process.stdin.flush()
        outcomes: Counter[str] = Counter()
        for process in self.processes:
            seen, times = json.loads(process.stdout.readline())
            outcomes += Counter(seen)
            self.times += times
        return outcomes

    def close(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.stdout.close()
            process.wait()
        print_99th_percentile(self.times)


def print_99th_percentile(times):
    print(f"{len(times)} claims, 99th percentile {statistics.quantiles(times, n=100)[98]:.0f} ms")


@pytest.fixture(scope="module")
def _crowd(django_db_setup):
    made = Crowd()
    yield made
    made.close()


@pytest.fixture
def crowd(db, _crowd):
    yield _crowd
    connection.close()


def create_people(number):
    return [
        user.pk
        for user in User.objects.bulk_create(
            User(email=f"p{n}@example.org", handle=f"p{n}") for n in range(number)
        )
    ]


def test_one_of_forty_claimants_gets_the_span(crowd):
    """Fault 19, edge case 7: in every round one gets the hold, and 39 see that it is taken."""
    for number in range(ROUNDS):
        User.objects.filter(orders=None).delete()
        crowd_ids = [
            user.pk
            for user in User.objects.bulk_create(
                User(email=f"r{number}x{n}@example.org", handle=f"r{number}x{n}") for n in range(40)
            )
        ]
        start = f"1969-07-20T{number % 24:02}:{number // 24:02}:00Z"
        outcomes = crowd.race([(pk, start, 30) for pk in crowd_ids])
        assert outcomes == {"held": 1, "taken": 39}
    assert Order.objects.count() == Moment.objects.occupying().count() == ROUNDS
    invariants.check()


def test_one_of_forty_browsers_gets_the_span(tmp_path, collected_files):
    """Edge case 7: over HTTP to two gunicorn processes, one gets 303, 39 get 409, and nobody gets 5xx."""
    url = database_url().replace("connection_limit=40", "connection_limit=8")
    shutil.copytree(collected_files, tmp_path / "static")
    environment = site_environment(
        tmp_path,
        DATABASE_URL=url,
        SECRET_KEY=settings.SECRET_KEY,
        TRUSTED_PROXIES="1",
        WEB_PROCESSES="2",
    )
    path = reverse("timeline:claim-hold")
    times = []

    def press(person, start):
        started = time.perf_counter()
        status, _ = person.post(site.url, path, start=start, seconds=60, zone="UTC")
        times.append((time.perf_counter() - started) * 1000)
        return status

    with gunicorn(environment) as site, ThreadPoolExecutor(40) as pool:
        for number in range(ROUNDS):
            crowd = [Person(user) for user in create_people_named(f"h{number}x", 40)]
            # Half of them want one span, the other half a span that overlaps it.
            start = f"1969-07-20T{number % 24:02}:{number // 24:02}:00Z"
            starts = [start, start.replace(":00Z", ":30Z")] * 20
            assert Counter(pool.map(press, crowd, starts)) == {303: 1, 409: 39}
    assert Order.objects.count() == Moment.objects.occupying().count() == ROUNDS
    invariants.check()
    print_99th_percentile(times)
    connection.close()


def test_hundred_claimants_of_ten_overlapping_spans(crowd):
    """Edge case 7: rings of overlaps across midnight. Disjoint spans are held, and nobody sees an error."""
    midnight = dt.datetime(1969, 7, 21, tzinfo=dt.UTC)
    ids = create_people(100)
    ring = [(midnight + dt.timedelta(seconds=n * 40 - 220)).isoformat() for n in range(10)]
    outcomes = crowd.race([(pk, ring[n % 10], 60) for n, pk in enumerate(ids)])
    assert set(outcomes) == {"held", "taken"}
    assert 4 <= outcomes["held"] <= 5
    assert Order.objects.count() == Moment.objects.occupying().count() == outcomes["held"]
    invariants.check()


def test_claims_race_with_the_release_of_expired_holds(rival):
    """Edge case 9: an expired hold is released and claimed at the same time, and one person gets it."""
    spans = [span_of(f"1969-07-20T{hour:02}:00:00Z") for hour in range(12)]
    first, second = (create_people_named("a", 12), create_people_named("b", 12))
    for user, span in zip(first, spans, strict=True):
        let_time_pass(holds.hold(user, span))

    def act(step):
        try:
            return step()
        except SpanTaken:
            return "taken"
        finally:
            connections.close_all()

    steps = []
    for number, span in enumerate(spans):
        steps += [
            lambda user=second[number], span=span: holds.hold(user, span) and "held",
            lambda user=first[number], span=span: holds.hold(user, span) and "held",
            lambda: holds.close_expired_holds() >= 0 and "released",
        ]
    with ThreadPoolExecutor(9) as pool:
        outcomes = Counter(pool.map(act, steps))
    assert outcomes == {"held": 12, "taken": 12, "released": 12}
    assert Moment.objects.filter(status=Status.HELD).count() == 12
    invariants.check()


def test_claim_of_a_taken_span_does_not_wait_for_locks(claimant, rival, monkeypatch):
    """Edge case 7: a taken span is reported even while somebody else writes to the same day."""
    monkeypatch.setattr(placement, "LOCK_TIMEOUT", "50ms")
    taken, beside = span_of("1969-07-20T20:17:40Z"), span_of("1969-07-20T22:00:00Z")
    holds.hold(claimant, taken)

    def hold():
        try:
            holds.hold(rival, taken)
        finally:
            connections.close_all()

    with placement.lock_spans([beside]), ThreadPoolExecutor(1) as pool, pytest.raises(SpanTaken):
        pool.submit(hold).result()


def create_people_named(letter, number):
    return User.objects.bulk_create(
        User(email=f"{letter}{n}@example.org", handle=f"{letter}{n}") for n in range(number)
    )
