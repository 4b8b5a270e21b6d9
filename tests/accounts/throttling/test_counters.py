"""Attempts are counted exactly, with Redis and without it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import caches
from django.test import Client

from accounts.throttling import counters, middleware
from accounts.throttling.counters import AttemptCounter, Counter, Limit, LocalCounterStore
from momentverse.redis.breaker import RETRY_SECONDS
from momentverse.settings import build_cache
from tests.accounts.conftest import LOGIN
from tests.support.servers import Valkey, valkey

pytestmark = pytest.mark.usefixtures("frozen_clock")

FIVE = Counter("five", "somebody", Limit(5, 900))
OTHER = Counter("five", "somebody else", Limit(5, 900))
TEN = Counter("ten", "somebody", Limit(10, 900))


@pytest.fixture(scope="module")
def _valkey() -> Iterator[Valkey]:
    with valkey() as server:
        yield server


@pytest.fixture
def own_valkey(_valkey, settings) -> Iterator[Valkey]:
    """A Valkey that stores the counts. A test may stop or pause it."""
    cache = build_cache(_valkey.url, "counts", ignore_exceptions=False)
    settings.CACHES = settings.CACHES | {"throttle": cache}
    yield _valkey
    _valkey.stop()
    _valkey.start()


@pytest.fixture
def redis_cache(settings, own_valkey):
    """Store the counts in Valkey with long time-outs, so that a busy machine does not change a count."""
    # Use another database, because connections are pooled by URL, together with their time-outs.
    cache = build_cache(f"{own_valkey.url[:-1]}1", "counts", ignore_exceptions=False)
    cache["OPTIONS"] |= {"SOCKET_TIMEOUT": 5, "SOCKET_CONNECT_TIMEOUT": 5}
    settings.CACHES = settings.CACHES | {"throttle": cache}


@pytest.fixture
def local_cache(settings):
    settings.CACHES = settings.CACHES | {
        "throttle": build_cache("", "counts", ignore_exceptions=False)
    }
    caches["throttle"].clear()


def count_allowed(attempts, counter=FIVE, times=20, threads=20):
    """Return how many of ``times`` concurrent attempts are allowed."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: attempts.acquire(counter), range(times)))


def test_it_works(local_cache):
    attempts = AttemptCounter()
    assert [attempts.acquire(FIVE) for _ in range(7)] == [True] * 5 + [False] * 2
    assert attempts.acquire(OTHER)
    assert attempts.acquire(TEN)


def test_exactly_five_of_twenty_threads_pass_with_redis(redis_cache):
    for number in range(20):
        assert (
            count_allowed(AttemptCounter(), Counter("crowd", f"round {number}", Limit(5, 900))) == 5
        )


def test_exactly_five_of_twenty_threads_pass_with_local_cache(local_cache):
    for number in range(20):
        assert (
            count_allowed(AttemptCounter(), Counter("crowd", f"round {number}", Limit(5, 900))) == 5
        )


def test_processes_share_one_count(redis_cache):
    first, second = AttemptCounter(), AttemptCounter()
    assert all(first.acquire(FIVE) for _ in range(3))
    assert [second.acquire(FIVE) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("cache", ["redis_cache", "local_cache"])
def test_retry_after_is_exact_to_the_second(cache, request, frozen_clock):
    request.getfixturevalue(cache)
    attempts = AttemptCounter()
    for _ in range(5):
        assert attempts.get_retry_after(FIVE) == 0
        attempts.acquire(FIVE)
    seconds = attempts.get_retry_after(FIVE)
    assert 1 <= seconds <= 900
    frozen_clock.now += seconds - 1
    assert attempts.get_retry_after(FIVE) == 1
    assert not attempts.acquire(FIVE)
    frozen_clock.now += 1
    assert attempts.get_retry_after(FIVE) == 0
    assert attempts.acquire(FIVE)


@pytest.mark.parametrize("cache", ["redis_cache", "local_cache"])
def test_count_ends_with_its_window(cache, request, frozen_clock):
    request.getfixturevalue(cache)
    attempts = AttemptCounter()
    for _ in range(9):
        attempts.acquire(FIVE)
    frozen_clock.now += 900
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("cache", ["redis_cache", "local_cache"])
def test_attempt_is_released(cache, request, frozen_clock):
    request.getfixturevalue(cache)
    attempts = AttemptCounter()
    for _ in range(5):
        attempts.acquire(FIVE)
    attempts.release(FIVE)
    assert [attempts.acquire(FIVE), attempts.acquire(FIVE)] == [True, False]
    frozen_clock.now += 900
    attempts.release(FIVE)  # its window has ended, so nothing is subtracted
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("cache", ["redis_cache", "local_cache"])
def test_count_is_reset(cache, request):
    request.getfixturevalue(cache)
    attempts = AttemptCounter()
    for counter in (FIVE, OTHER):
        for _ in range(7):
            attempts.acquire(counter)
    attempts.reset(FIVE)
    attempts.reset(FIVE)
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]
    assert not attempts.acquire(OTHER)


def test_flood_of_other_counters_evicts_no_count(settings):
    """Django's cache in the process keeps 300 entries by default. A flood has more."""
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
def test_configured_local_cache_has_room_for_a_flood():
    from momentverse import settings

    if settings.REDIS_URL:
        pytest.skip("about the cache in the process")
    assert caches["throttle"]._max_entries >= 10_000


@pytest.fixture
def limit_warnings(caplog):
    caplog.set_level(logging.WARNING, "momentverse.limits")
    return lambda: [line for line in caplog.records if line.name == "momentverse.limits"]


@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_local_limits_are_stricter_while_redis_is_down(own_valkey, limit_warnings, fault):
    attempts = AttemptCounter()
    assert attempts.acquire(OTHER)
    getattr(own_valkey, fault)()
    assert count_allowed(attempts, FIVE) == 2
    assert count_allowed(attempts, TEN) == 5
    assert limit_warnings()[0].getMessage().startswith("limits fall back to this process")


def test_counting_starts_without_redis(own_valkey):
    own_valkey.stop()
    assert [AttemptCounter().acquire(FIVE) for _ in range(2)] == [True, True]


def test_retry_after_is_known_without_redis(own_valkey, monkeypatch):
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
    """Two of a limit of four pass locally. They become available again one by one, not at a window's end."""
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
    monkeypatch.setattr(counters, "MAX_LOCAL_COUNTERS", 2)
    local = LocalCounterStore()
    for who in ["a", "a", "b", "a", "c"]:  # "b" is the least recently used
        local.acquire(Counter("five", who, Limit(5, 900)))
    assert {counter.who for counter in local._attempts} == {"a", "c"}


def test_released_attempt_still_counts_without_redis(own_valkey):
    own_valkey.stop()
    attempts = AttemptCounter()
    attempts.acquire(FIVE)
    attempts.acquire(FIVE)
    attempts.release(FIVE)
    assert not attempts.acquire(FIVE)


def test_count_is_reset_without_redis(own_valkey):
    own_valkey.stop()
    attempts = AttemptCounter()
    assert count_allowed(attempts) == 2
    attempts.reset(FIVE)
    assert count_allowed(attempts) == 2


def test_hanging_redis_costs_one_timeout(own_valkey, monkeypatch):
    attempts = AttemptCounter()
    own_valkey.pause()
    now = started = time.monotonic()
    with monkeypatch.context() as patched:
        # Stop the circuit breaker's clock: it does not try Redis again, however long this takes.
        patched.setattr("momentverse.redis.breaker.time.monotonic", lambda: now)
        for number in range(100):
            assert attempts.acquire(Counter("hanging", str(number), Limit(5, 900)))
    # A hundred time-outs would take twenty seconds.
    assert time.monotonic() - started < 10


def test_redis_is_used_again_after_it_returns(own_valkey, redis_cache, monkeypatch):
    own_valkey.stop()
    attempts = AttemptCounter()
    assert count_allowed(attempts) == 2
    own_valkey.start()
    now = time.monotonic()
    monkeypatch.setattr("momentverse.redis.breaker.time.monotonic", lambda: now + RETRY_SECONDS + 1)
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


def test_counting_continues_after_a_flush(redis_cache):
    attempts = AttemptCounter()
    attempts.acquire(FIVE)
    caches["throttle"].clear()
    assert [attempts.acquire(FIVE) for _ in range(6)] == [True] * 5 + [False]


def test_attempt_is_refused_if_its_count_vanishes(local_cache, monkeypatch):
    """This happens if Redis is flushed between the two commands of an attempt."""
    attempts = AttemptCounter()
    attempts.acquire(FIVE)

    def incr(*args):
        raise ValueError

    monkeypatch.setattr(caches["throttle"], "incr", incr)
    assert not attempts.acquire(FIVE)


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_login_is_limited_while_redis_is_down(own_valkey, monkeypatch, ada, fault):
    """Edge case 17: log-in stays limited, by a stricter local limit, and no page fails."""
    monkeypatch.setattr(middleware, "attempt_counter", AttemptCounter())
    getattr(own_valkey, fault)()
    credentials = {"login": "ada@example.org", "password": "wrong"}
    responses = [Client().post(LOGIN, credentials) for _ in range(5)]
    assert [response.status_code for response in responses] == [200] * 2 + [429] * 3
    assert 1 <= int(responses[-1]["Retry-After"]) <= 900
    credentials = {"login": "bob@example.org", "password": "wrong"}
    assert Client().post(LOGIN, credentials).status_code == 200
