"""Races for spans between threads, each with its own connection, on both databases."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from tests.support.examples import scale_examples
from tests.support.strategies import MIDDLE, crowded_spans, overlap
from timeline.core.exceptions import SpanTaken
from timeline.core.spans import Span
from timeline.models import Moment, Status
from timeline.services import placement, rollups
from timeline.services.placement import lock_spans, save_moment

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8


class Writers:
    """Threads that save moments, each over its own connection."""

    def __init__(self, number: int) -> None:
        self.owner = User.objects.get_or_create_curator("ada", "Ada")
        self.number = number
        self.pool = ThreadPoolExecutor(number)

    def race(self, spans: list[Span]) -> Counter[str]:
        """Save moments at all spans at once. Return how often each outcome occurred."""
        return Counter(self.pool.map(self._place, spans))

    def _place(self, span: Span) -> str:
        moment = Moment(
            user=self.owner,
            title="x",
            status=Status.ACTIVE,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
        )
        try:
            save_moment(moment)
        except SpanTaken:
            return "taken"
        except Exception as error:  # noqa: BLE001  any error is an outcome
            return f"{type(error).__name__}: {error}"
        return "saved"

    def close(self) -> None:
        all_ready = threading.Barrier(self.number)

        def close_own() -> None:
            all_ready.wait()  # so that every thread closes its own connection, and none closes two
            connections.close_all()

        for closed in [self.pool.submit(close_own) for _ in range(self.number)]:
            closed.result()
        self.pool.shutdown()


@pytest.fixture
def writers(request, monkeypatch):
    # On a very busy machine a writer may wait longer for its turn than it may in production.
    monkeypatch.setattr(placement, "LOCK_TIMEOUT", "60s")
    writers = Writers(getattr(request, "param", THREADS))
    yield writers
    writers.close()
    connection.close()


def assert_disjoint() -> list[Span]:
    stored = [moment.span for moment in Moment.objects.occupying().order_by("starts_at")]
    for one, other in zip(stored, stored[1:], strict=False):
        assert not overlap(one, other), (one, other)
    return stored


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(40)
)
@given(spans=st.lists(crowded_spans(), min_size=2, max_size=32))
def test_any_spans_from_eight_threads_stay_disjoint(writers, spans):
    Moment.objects.all().delete()
    outcomes = writers.race(spans)
    stored = assert_disjoint()
    assert outcomes["saved"] == len(stored)
    assert set(outcomes) <= {"saved", "taken"}
    # No span was refused without reason: each that is not stored overlaps one that is.
    for span in spans:
        assert span in stored or any(overlap(span, other) for other in stored)


def test_touching_spans_are_all_saved(writers):
    seconds = [MIDDLE + dt.timedelta(seconds=n) for n in range(-60, 61)]
    spans = [Span(one, other) for one, other in zip(seconds, seconds[1:], strict=False)]
    assert writers.race(spans) == {"saved": 120}


def test_one_of_forty_writers_gets_the_span(writers):
    """Edge case 7: of many writers at the same time, exactly one succeeds."""
    span = Span(MIDDLE, MIDDLE + dt.timedelta(seconds=1))
    for _ in range(20):
        Moment.objects.all().delete()
        assert writers.race([span] * 40) == {"saved": 1, "taken": 39}


@pytest.mark.parametrize("writers", [16], indirect=True)
def test_rings_of_overlaps_end_without_deadlock(writers):
    """Edge case 7: A overlaps B, B overlaps C, C overlaps A, again and again, across midnight."""
    ring = [
        Span(MIDDLE + dt.timedelta(seconds=start), MIDDLE + dt.timedelta(seconds=start + 40))
        for start in (-60, -30, 0, -45, -15)
    ]
    for _ in range(8):
        Moment.objects.all().delete()
        outcomes = writers.race(ring * 8)
        assert set(outcomes) <= {"saved", "taken"}
        assert outcomes["saved"] == len(assert_disjoint()) >= 1


def test_rollups_are_right_after_a_race(writers):
    spans = [
        Span(MIDDLE + dt.timedelta(hours=hour), MIDDLE + dt.timedelta(hours=hour + 3))
        for hour in range(-200, 200)
    ]
    writers.race(spans)
    rollups.fold()
    assert rollups.find_differences() == []


@pytest.mark.postgresql
def test_day_that_stays_locked_raises_timeline_busy(writers, monkeypatch):
    """Fault 30: a lock that is not free in time is reported as such, and nothing is written."""
    monkeypatch.setattr(placement, "LOCK_TIMEOUT", "50ms")
    span = Span(MIDDLE, MIDDLE + dt.timedelta(seconds=1))
    with lock_spans([span]):
        (outcome,) = writers.race([span])
    assert outcome == "TimelineBusy: Many people are writing here. Try again in a moment."
    assert not Moment.objects.exists()
    assert writers.race([span]) == {"saved": 1}


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_write_is_retried_after_a_conflict(writers, monkeypatch, code):
    """Fault 30: a deadlock or a serialization failure is injected into ``save``."""
    span = Span(MIDDLE, MIDDLE + dt.timedelta(seconds=1))
    failures = [code, code]
    save = Moment.save

    def failing(moment, *args, **kwargs):
        if failures:
            cause = Exception()
            cause.sqlstate = failures.pop()
            raise OperationalError("injected") from cause
        save(moment, *args, **kwargs)

    monkeypatch.setattr(Moment, "save", failing)
    assert writers.race([span]) == {"saved": 1}
    failures[:] = [code] * placement.MAX_ATTEMPTS
    (outcome,) = writers.race([Span(span.ends_at, span.ends_at + dt.timedelta(seconds=1))])
    assert outcome.startswith("TimelineBusy")
