"""Local times, also those that a clock skips or shows twice (edge case 1 and edge case 2)."""

import datetime as dt
import zoneinfo
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.core.exceptions import InvalidInstant
from timeline.core.local_time import get_zone, parse_local_instant, resolve_local_time
from timeline.core.spans import UTC

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def test_it_works():
    assert parse_local_instant("1969-07-20 22:17:40", BERLIN) == dt.datetime(
        1969, 7, 20, 21, 17, 40, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text", ["2024-07-01T12:00:00Z", "2024-07-01T14:00:00+02:00", "2024-07-01 07:00-0500"]
)
def test_offset_takes_precedence_over_the_zone(text):
    assert parse_local_instant(text, BERLIN) == dt.datetime(2024, 7, 1, 12, tzinfo=UTC)


def test_date_without_time_is_local_midnight():
    assert parse_local_instant("2024-07-01", BERLIN) == dt.datetime(2024, 6, 30, 22, tzinfo=UTC)


def test_skipped_time_is_refused_with_its_two_neighbours():
    """Edge case 1."""
    with pytest.raises(InvalidInstant) as refused:
        parse_local_instant("2024-03-31T02:30:00", BERLIN)
    assert "01:59:59 (2024-03-31T00:59:59Z)" in str(refused.value)
    assert "03:00:00 (2024-03-31T01:00:00Z)" in str(refused.value)


def test_skipped_day_is_refused_with_its_two_neighbours():
    """Edge case 1: Samoa had no 30 December 2011."""
    with pytest.raises(InvalidInstant, match=r"23:59:59 .*00:00:00"):
        parse_local_instant("2011-12-30T12:00:00", zoneinfo.ZoneInfo("Pacific/Apia"))


def test_repeated_time_is_refused_and_needs_an_offset():
    """Edge case 2."""
    with pytest.raises(InvalidInstant) as refused:
        parse_local_instant("2024-10-27T02:30:00", BERLIN)
    assert "2024-10-27T00:30:00Z is the first" in str(refused.value)
    assert "2024-10-27T01:30:00Z the second" in str(refused.value)


def test_local_mean_time_is_exact_to_the_second():
    """Edge case 3."""
    assert parse_local_instant("1850-01-01T00:00:00", BERLIN) == dt.datetime(
        1849, 12, 31, 23, 6, 32, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_ends_of_the_calendar_do_not_overflow(text, zone):
    """Edge case 6."""
    # Whether the instant exists depends on the zone. No other error may be raised.
    with suppress(InvalidInstant):
        assert parse_local_instant(text, zoneinfo.ZoneInfo(zone)).year in (1, 9999)


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "Europe/Berlin\0", "europe/berlin"]
)
def test_unknown_zone_is_refused(name):
    with pytest.raises(InvalidInstant, match="time zone"):
        get_zone(name)


@given(
    # From 1800 to 2100.
    local=st.integers(-5_364_662_400, 4_102_444_800).map(
        lambda seconds: dt.datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    ),
    zone=st.sampled_from(
        ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Tehran"]
    ),
)
def test_resolved_instant_converts_back_to_the_same_local_time(local, zone):
    try:
        instant = resolve_local_time(local, zoneinfo.ZoneInfo(zone))
    except InvalidInstant:
        return
    assert instant.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) == local
