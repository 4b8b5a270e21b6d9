"""Many people after the same spans, from several processes: one has it, the others are told."""

from __future__ import annotations

import datetime as dt
import json
import os
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
from tests.database_servers import manage
from tests.servers import ROOT, gunicorn, site_environment
from tests.support.examples import examples
from tests.timeline.conftest import let_time_pass, span_of
from tests.timeline.payments import invariants
from tests.timeline.served import Person, database_url
from timeline import claims, overlap
from timeline.errors import SpanTaken
from timeline.models import Moment, Order, Status

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = 4
ROUNDS = int(os.environ.get("ROUNDS", "0")) or examples(10)


class Crowd:
    """Claimants in processes of their own."""

    def __init__(self) -> None:
        url = database_url().replace("connection_limit=40", "connection_limit=20")
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.timeline.claimants"],
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

    def race(self, wishes: list[tuple[int, str, int]]) -> Counter[str]:
        """Claim all at once; return how often each outcome was seen."""
        for number, process in enumerate(self.processes):
            process.stdin.write(json.dumps(wishes[number::PROCESSES]) + "\n")
            process.stdin.flush()
        outcomes: Counter[str] = Counter()
        for process in self.processes:
            seen, times = json.loads(process.stdout.readline())
            outcomes += Counter(seen)
            self.times += times
        return outcomes

    def end(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.stdout.close()
            process.wait()
        tell(self.times)


def tell(times):
    print(f"{len(times)} claims, 99th percentile {statistics.quantiles(times, n=100)[98]:.0f} ms")


@pytest.fixture(scope="module")
def _crowd(django_db_setup):
    made = Crowd()
    yield made
    made.end()


@pytest.fixture
def crowd(db, _crowd):
    yield _crowd
    connection.close()


def people(number):
    return [
        user.pk
        for user in User.objects.bulk_create(
            User(email=f"p{n}@example.org", handle=f"p{n}") for n in range(number)
        )
    ]


def test_one_span_and_forty_claimants(crowd):
    """FAULTS 19, EDGE_CASES 7: one hold, 39 are told it is taken, round after round."""
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
    assert Order.objects.count() == Moment.objects.live().count() == ROUNDS
    invariants.check()


def test_forty_browsers_press_the_same_button(tmp_path):
    """EDGE_CASES 7, over HTTP to two processes of gunicorn: 303 for one, 409 for 39, and never 5xx."""
    url = database_url().replace("connection_limit=40", "connection_limit=8")
    manage(url, tmp_path, "collectstatic", "--noinput", "-v0")
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
            crowd = [Person(user) for user in people_named(f"h{number}x", 40)]
            # Half of them want one span, half another that overlaps it.
            start = f"1969-07-20T{number % 24:02}:{number // 24:02}:00Z"
            starts = [start, start.replace(":00Z", ":30Z")] * 20
            assert Counter(pool.map(press, crowd, starts)) == {303: 1, 409: 39}
    assert Order.objects.count() == Moment.objects.live().count() == ROUNDS
    invariants.check()
    tell(times)
    connection.close()


def test_ten_overlapping_spans_and_a_hundred_claimants(crowd):
    """EDGE_CASES 7: rings of overlaps across midnight; a disjoint set wins, nobody sees an error."""
    midnight = dt.datetime(1969, 7, 21, tzinfo=dt.UTC)
    ids = people(100)
    ring = [(midnight + dt.timedelta(seconds=n * 40 - 220)).isoformat() for n in range(10)]
    outcomes = crowd.race([(pk, ring[n % 10], 60) for n, pk in enumerate(ids)])
    assert set(outcomes) == {"held", "taken"}
    assert 4 <= outcomes["held"] <= 5
    assert Order.objects.count() == Moment.objects.live().count() == outcomes["held"]
    invariants.check()


def test_claims_against_the_sweeper(rival):
    """EDGE_CASES 9: a lapsed hold is swept and claimed at once; one of them gives it to one person."""
    spans = [span_of(f"1969-07-20T{hour:02}:00:00Z") for hour in range(12)]
    first, second = (people_named("a", 12), people_named("b", 12))
    for user, span in zip(first, spans, strict=True):
        let_time_pass(claims.hold(user, span))

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
            lambda user=second[number], span=span: claims.hold(user, span) and "held",
            lambda user=first[number], span=span: claims.hold(user, span) and "held",
            lambda: claims.sweep() >= 0 and "swept",
        ]
    with ThreadPoolExecutor(9) as pool:
        outcomes = Counter(pool.map(act, steps))
    assert outcomes == {"held": 12, "taken": 12, "swept": 12}
    assert Moment.objects.filter(status=Status.HELD).count() == 12
    invariants.check()


def test_who_comes_late_waits_for_nobody(claimant, rival, monkeypatch):
    """EDGE_CASES 7: a taken span is told of while somebody else writes to the same day."""
    monkeypatch.setattr(overlap, "LOCK_TIMEOUT", "50ms")
    taken, beside = span_of("1969-07-20T20:17:40Z"), span_of("1969-07-20T22:00:00Z")
    claims.hold(claimant, taken)

    def hold():
        try:
            claims.hold(rival, taken)
        finally:
            connections.close_all()

    with overlap.placing([beside]), ThreadPoolExecutor(1) as pool, pytest.raises(SpanTaken):
        pool.submit(hold).result()


def people_named(letter, number):
    return User.objects.bulk_create(
        User(email=f"{letter}{n}@example.org", handle=f"{letter}{n}") for n in range(number)
    )
