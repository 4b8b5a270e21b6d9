"""Counting attempts: exactly, over Redis, and without it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import caches
from django.test import Client

from accounts.throttling import counters as counts
from accounts.throttling import middleware
from accounts.throttling.counters import AttemptCounter, Counter, Limit, LocalCounterStore
from momentverse.redis.breaker import RETRY_SECONDS
from momentverse.settings import build_cache
from tests.accounts.conftest import LOGIN
from tests.support.servers import Valkey, valkey

pytestmark = pytest.mark.usefixtures("clock")

FIVE = Counter("five", "somebody", Limit(5, 900))
OTHER = Counter("five", "somebody else", Limit(5, 900))
TEN = Counter("ten", "somebody", Limit(10, 900))


@pytest.fixture(scope="module")
def _valkey() -> Iterator[Valkey]:
    with valkey() as server:
        yield server


@pytest.fixture
def own_valkey(_valkey, settings) -> Iterator[Valkey]:
    """A Valkey that holds the counts and that a test may stop or pause."""
    cache = build_cache(_valkey.url, "counts", ignore_exceptions=False)
    settings.CACHES = settings.CACHES | {"throttle": cache}
    yield _valkey
    _valkey.stop()
    _valkey.start()


@pytest.fixture
def patient(settings, own_valkey):
    """The same with time: what counts is the count, on a machine that may be busy."""
    # A database of its own: connections are pooled by address, with their time-outs.
    cache = build_cache(f"{own_valkey.url[:-1]}1", "counts", ignore_exceptions=False)
    cache["OPTIONS"] |= {"SOCKET_TIMEOUT": 5, "SOCKET_CONNECT_TIMEOUT": 5}
    settings.CACHES = settings.CACHES | {"throttle": cache}


@pytest.fixture
def in_process(settings):
    settings.CACHES = settings.CACHES | {
        "throttle": build_cache("", "counts", ignore_exceptions=False)
    }
    caches["throttle"].clear()


def taken(attempts, counter=FIVE, times=20, threads=20):
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: attempts.acquire(counter), range(times)))


def test_it_works(in_process):
    attempts = AttemptCounter()
    assert [attempts.acquire(FIVE) for _ in range(7)] == [True] * 5 + [False] * 2
    assert attempts.acquire(OTHER)
    assert attempts.acquire(TEN)


def test_of_twenty_threads_exactly_five_pass_over_redis(patient):
    for round_ in range(20):
        assert taken(AttemptCounter(), Counter("crowd", f"round {round_}", Limit(5, 900))) == 5


def test_of_twenty_threads_exactly_five_pass_in_one_process(in_process):
    for round_ in range(20):
        assert taken(AttemptCounter(), Counter("crowd", f"round {round_}", Limit(5, 900))) == 5


def test_processes_share_one_count(patient):
    first, second = AttemptCounter(), AttemptCounter()
    assert all(first.acquire(FIVE) for _ in range(3))
    assert [second.acquire(FIVE) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("place", ["patient", "in_process"])
def test_waiting_is_told_to_the_second(place, request, clock):
    request.getfixturevalue(place)
    attempts = AttemptCounter()
    for _ in range(5):
        assert attempts.get_retry_after(FIVE) == 0
        attempts.acquire(FIVE)
    seconds = attempts.get_retry_after(FIVE)
    assert 1 <= seconds <= 900
    clock.now += seconds - 1
    assert attempts.get_retry_after(FIVE) == 1
    assert not attempts.acquire(FIVE)
    clock.now += 1
    assert attempts.get_retry_after(FIVE) == 0
    assert attempts.acquire(FIVE)


@pytest.mark.parametrize("place", ["patient", "in_process"])
def test_it_decays_within_its_time(place, request, clock):
    request.getfixturevalue(place)
    attempts = AttemptCounter()
    for _ in range(9):
        attempts.acquire(FIVE)
    clock.now += 900
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("place", ["patient", "in_process"])
def test_an_attempt_is_given_back(place, request, clock):
    request.getfixturevalue(place)
    attempts = AttemptCounter()
    for _ in range(5):
        attempts.acquire(FIVE)
    attempts.release(FIVE)
    assert [attempts.acquire(FIVE), attempts.acquire(FIVE)] == [True, False]
    clock.now += 900
    attempts.release(FIVE)  # its window has ended: nothing is left to take off
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("place", ["patient", "in_process"])
def test_a_count_is_cleared(place, request):
    request.getfixturevalue(place)
    attempts = AttemptCounter()
    for counter in (FIVE, OTHER):
        for _ in range(7):
            attempts.acquire(counter)
    attempts.reset(FIVE)
    attempts.reset(FIVE)
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]
    assert not attempts.acquire(OTHER)


def test_a_flood_of_others_pushes_no_count_out(settings):
    """A cache in the process keeps 300 entries by default; a flood is longer."""
    options = {"MAX_ENTRIES": 50_000}
    cache = build_cache("", "flood", ignore_exceptions=False) | {"OPTIONS": options}
    settings.CACHES = settings.CACHES | {"throttle": cache}
    attempts = AttemptCounter()
    for _ in range(5):
        attempts.acquire(FIVE)
    for number in range(2000):
        attempts.acquire(Counter("flood", str(number), Limit(5, 900)))
    assert not attempts.acquire(FIVE)


@pytest.mark.embedded
def test_the_settings_keep_a_flood_of_counts():
    from momentverse import settings

    if settings.REDIS_URL:
        pytest.skip("about the cache in the process")
    assert caches["throttle"]._max_entries >= 10_000


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, "momentverse.limits")
    return lambda: [line for line in caplog.records if line.name == "momentverse.limits"]


@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_without_redis_it_counts_here_and_more_strictly(own_valkey, warnings, fault):
    attempts = AttemptCounter()
    assert attempts.acquire(OTHER)
    getattr(own_valkey, fault)()
    assert taken(attempts, FIVE) == 2
    assert taken(attempts, TEN) == 5
    assert warnings()[0].getMessage().startswith("limits fall back to this process")


def test_it_starts_without_redis(own_valkey):
    own_valkey.stop()
    assert [AttemptCounter().acquire(FIVE) for _ in range(2)] == [True, True]


def test_waiting_is_told_without_redis(own_valkey, monkeypatch):
    own_valkey.stop()
    attempts = AttemptCounter()
    assert attempts.get_retry_after(FIVE) == 0
    attempts.acquire(FIVE)
    attempts.acquire(FIVE)
    assert 899 <= attempts.get_retry_after(FIVE) <= 900
    later = time.monotonic() + attempts.get_retry_after(FIVE)
    monkeypatch.setattr(attempts._local, "_now", lambda: later)
    assert attempts.get_retry_after(FIVE) == 0
    assert attempts.acquire(FIVE)


def test_local_window_moves_with_each_attempt():
    """Of a limit of four, two pass here; room comes back one attempt at a time, not at a window's end."""
    now = [0.0]
    local = LocalCounterStore(now=lambda: now[0])
    counter = Counter("four", "somebody", Limit(4, 900))
    passed = []
    for second in [0, 600, 601, 899, 900, 901, 1499, 1500]:
        now[0] = second
        if local.acquire(counter):
            passed.append(second)
    assert passed == [0, 600, 900, 1500]
    assert local.get_retry_after(counter) == 300


def test_local_counters_are_bounded(monkeypatch):
    monkeypatch.setattr(counts, "MAX_LOCAL_COUNTERS", 2)
    local = LocalCounterStore()
    for who in ["a", "a", "b", "a", "c"]:  # "b" was used longest ago
        local.acquire(Counter("five", who, Limit(5, 900)))
    assert {counter.who for counter in local._attempts} == {"a", "c"}


def test_what_is_given_back_without_redis_stays_counted(own_valkey):
    own_valkey.stop()
    attempts = AttemptCounter()
    attempts.acquire(FIVE)
    attempts.acquire(FIVE)
    attempts.release(FIVE)
    assert not attempts.acquire(FIVE)


def test_success_clears_without_redis_too(own_valkey):
    own_valkey.stop()
    attempts = AttemptCounter()
    assert taken(attempts) == 2
    attempts.reset(FIVE)
    assert taken(attempts) == 2


def test_a_redis_that_hangs_costs_one_timeout(own_valkey, monkeypatch):
    attempts = AttemptCounter()
    own_valkey.pause()
    now = started = time.monotonic()
    with monkeypatch.context() as patched:
        # Redis is not tried again meanwhile, however long this takes.
        patched.setattr("momentverse.redis.breaker.time.monotonic", lambda: now)
        for number in range(100):
            assert attempts.acquire(Counter("hanging", str(number), Limit(5, 900)))
    # A hundred time-outs would be twenty seconds.
    assert time.monotonic() - started < 10


def test_redis_is_used_again_when_it_is_back(own_valkey, patient, monkeypatch):
    own_valkey.stop()
    attempts = AttemptCounter()
    assert taken(attempts) == 2
    own_valkey.start()
    now = time.monotonic()
    monkeypatch.setattr("momentverse.redis.breaker.time.monotonic", lambda: now + RETRY_SECONDS + 1)
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


def test_a_flushed_redis_goes_on_counting(patient):
    attempts = AttemptCounter()
    attempts.acquire(FIVE)
    caches["throttle"].clear()
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


def test_a_count_that_vanishes_while_it_is_taken_is_no_open_door(in_process, monkeypatch):
    """A flush between the two commands: that attempt is refused."""
    attempts = AttemptCounter()
    attempts.acquire(FIVE)

    def incr(*args):
        raise ValueError

    monkeypatch.setattr(caches["throttle"], "incr", incr)
    assert not attempts.acquire(FIVE)


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_log_in_is_limited_while_redis_is_away(own_valkey, monkeypatch, ada, fault):
    """Edge case 17: closed for log-in, by a stricter local limit; and no page fails."""
    monkeypatch.setattr(middleware, "attempt_counter", AttemptCounter())
    getattr(own_valkey, fault)()
    entry = {"login": "ada@example.org", "password": "wrong"}
    answers = [Client().post(LOGIN, entry) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 2 + [429] * 3
    assert 1 <= int(answers[-1]["Retry-After"]) <= 900
    entry = {"login": "bob@example.org", "password": "wrong"}
    assert Client().post(LOGIN, entry).status_code == 200
