"""The arithmetic of the sliding window, which is the same in Redis and in the process."""

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from momentverse.ratelimit.sliding_window import (
    SCRIPT,
    WINDOW_MS,
    LocalWindows,
    RateLimitResult,
    evaluate,
)
from tests.support.examples import scale_examples


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def windows(clock):
    return LocalWindows(clock)


def count_allowed(windows, number, limit=10, key="client"):
    return [windows.hit(key, limit).allowed for _ in range(number)].count(True)


def test_it_works(windows, clock):
    assert count_allowed(windows, 15) == 10
    clock.now += 59.9
    assert count_allowed(windows, 5) == 0


def test_burst_at_turn_of_minute_does_not_get_two_limits(windows, clock):
    count_allowed(windows, 10)
    clock.now += 61
    # 59 seconds of the previous window still count: 9.8 of its ten requests.
    assert count_allowed(windows, 10) == 1
    clock.now += 29
    assert count_allowed(windows, 10) == 4


def test_nothing_counts_after_two_minutes(windows, clock):
    count_allowed(windows, 10)
    clock.now += 120
    assert count_allowed(windows, 15) == 10


def test_rejected_requests_are_not_counted(windows, clock):
    count_allowed(windows, 1000)
    clock.now += 90
    assert count_allowed(windows, 15) == 5


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
@pytest.mark.parametrize("gap", [0, 0.31, 7, 45])
def test_request_is_allowed_after_reset_and_not_a_second_earlier(windows, clock, limit, gap):
    for _ in range(3 * limit):
        result = windows.hit("client", limit)
        if not result.allowed:
            too_soon = result.reset_after - 1.001
            if too_soon > 0:
                clock.now += too_soon
                assert not windows.hit("client", limit).allowed
                clock.now -= too_soon
            clock.now += result.reset_after
            assert windows.hit("client", limit).allowed
        clock.now += gap


def test_remaining_counts_down(windows):
    results = [windows.hit("client", 3) for _ in range(4)]
    assert [result.remaining for result in results] == [2, 1, 0, 0]
    assert [result.allowed for result in results] == [True, True, True, False]
    assert results[0].reset_after == 60


def test_smaller_limit_than_before_leaves_nothing(windows, clock):
    count_allowed(windows, 10)
    clock.now += 61
    assert windows.hit("client", 3) == RateLimitResult(
        False, 3, 0, windows.hit("client", 3).reset_after
    )


def test_memory_is_bounded(windows, monkeypatch):
    monkeypatch.setattr("momentverse.ratelimit.sliding_window.MAX_KEYS", 3)
    count_allowed(windows, 10, key="first")
    for number in range(3):
        count_allowed(windows, 1, key=f"other {number}")
    assert count_allowed(windows, 15, key="first") == 10
    assert count_allowed(windows, 15, key="other 2") == 9


def run_at(client, key, limit, now_ms):
    """Run the script with Redis's clock at ``now_ms``."""
    script = SCRIPT.replace("redis.call('TIME')", f"{{{now_ms // 1000}, {now_ms % 1000 * 1000}}}")
    return evaluate(limit, *client.eval(script, 1, key, limit))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(60)
)
@given(
    limit=st.integers(1, 12),
    gaps=st.lists(st.integers(0, 2 * WINDOW_MS) | st.sampled_from([0, 1, WINDOW_MS]), max_size=40),
)
def test_redis_and_process_compute_the_same_results(own_valkey, limit, gaps):
    client = redis.Redis.from_url(own_valkey.url)
    client.flushdb()
    clock = Clock()
    windows = LocalWindows(clock)
    # Ahead of the real clock, so that Redis does not forget a key of the past by itself.
    now = 1_700_000_000_000
    for gap in gaps:
        now += gap
        clock.now = now / 1000
        assert run_at(client, "client", limit, now) == windows.hit("client", limit)


def test_clock_that_is_set_back_starts_new_window(own_valkey):
    """Edge case 30."""
    client = redis.Redis.from_url(own_valkey.url)
    for _ in range(3):
        run_at(client, "client", 3, 1_700_000_060_000)
    assert not run_at(client, "client", 3, 1_700_000_060_000).allowed
    assert run_at(client, "client", 3, 1_700_000_000_000).allowed


def test_counter_expires(own_valkey):
    client = redis.Redis.from_url(own_valkey.url)
    client.eval(SCRIPT, 1, "client", 3)
    assert 119_000 < client.pttl("client") <= 120_000
