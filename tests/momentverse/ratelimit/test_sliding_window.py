"""The window slides: its arithmetic, the same in Redis and in the process."""

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
from tests.support.examples import examples


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


def passed(windows, number, limit=10, key="who"):
    return [windows.hit(key, limit).allowed for _ in range(number)].count(True)


def test_it_works(windows, clock):
    assert passed(windows, 15) == 10
    clock.now += 59.9
    assert passed(windows, 5) == 0


def test_a_burst_at_a_minutes_turn_is_no_second_minutes_worth(windows, clock):
    passed(windows, 10)
    clock.now += 61
    # A minute has gone, of which 59 seconds are still in sight: 9.8 of the ten.
    assert passed(windows, 10) == 1
    clock.now += 29
    assert passed(windows, 10) == 4


def test_two_minutes_forget_everything(windows, clock):
    passed(windows, 10)
    clock.now += 120
    assert passed(windows, 15) == 10


def test_who_is_refused_is_not_counted(windows, clock):
    passed(windows, 1000)
    clock.now += 90
    assert passed(windows, 15) == 5


@pytest.mark.parametrize("limit", [1, 2, 7, 200])
@pytest.mark.parametrize("gap", [0, 0.31, 7, 45])
def test_who_waits_as_told_gets_in_and_not_a_second_earlier(windows, clock, limit, gap):
    for _ in range(3 * limit):
        told = windows.hit("who", limit)
        if not told.allowed:
            before = told.reset_after - 1.001
            if before > 0:
                clock.now += before
                assert not windows.hit("who", limit).allowed
                clock.now -= before
            clock.now += told.reset_after
            assert windows.hit("who", limit).allowed
        clock.now += gap


def test_it_counts_down(windows):
    told = [windows.hit("who", 3) for _ in range(4)]
    assert [one.remaining for one in told] == [2, 1, 0, 0]
    assert [one.allowed for one in told] == [True, True, True, False]
    assert told[0].reset_after == 60


def test_a_smaller_limit_than_before_leaves_nothing_and_breaks_nothing(windows, clock):
    passed(windows, 10)
    clock.now += 61
    assert windows.hit("who", 3) == RateLimitResult(False, 3, 0, windows.hit("who", 3).reset_after)


def test_memory_is_bounded(windows, monkeypatch):
    monkeypatch.setattr("momentverse.ratelimit.sliding_window.MAX_KEYS", 3)
    passed(windows, 10, key="first")
    for number in range(3):
        passed(windows, 1, key=f"stranger {number}")
    assert passed(windows, 15, key="first") == 10
    assert passed(windows, 15, key="stranger 2") == 9


def run_at(client, key, limit, now_ms):
    """Run the script as if Redis's clock said ``now_ms``."""
    script = SCRIPT.replace("redis.call('TIME')", f"{{{now_ms // 1000}, {now_ms % 1000 * 1000}}}")
    return evaluate(limit, *client.eval(script, 1, key, limit))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(
    limit=st.integers(1, 12),
    gaps=st.lists(st.integers(0, 2 * WINDOW_MS) | st.sampled_from([0, 1, WINDOW_MS]), max_size=40),
)
def test_redis_and_the_process_say_the_same(own_valkey, limit, gaps):
    client = redis.Redis.from_url(own_valkey.url)
    client.flushdb()
    clock = Clock()
    windows = LocalWindows(clock)
    # Ahead of the real clock, so that Redis does not forget a key of the past by itself.
    now = 1_700_000_000_000
    for gap in gaps:
        now += gap
        clock.now = now / 1000
        assert run_at(client, "who", limit, now) == windows.hit("who", limit)


def test_a_clock_that_was_set_back_begins_anew(own_valkey):
    """Edge case 30."""
    client = redis.Redis.from_url(own_valkey.url)
    for _ in range(3):
        run_at(client, "who", 3, 1_700_000_060_000)
    assert not run_at(client, "who", 3, 1_700_000_060_000).allowed
    assert run_at(client, "who", 3, 1_700_000_000_000).allowed


def test_a_count_leaves_by_itself(own_valkey):
    client = redis.Redis.from_url(own_valkey.url)
    client.eval(SCRIPT, 1, "who", 3)
    assert 119_000 < client.pttl("who") <= 120_000
