"""``/api/free``: the free intervals of an hour."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from timeline.models import Status, Visibility

pytestmark = pytest.mark.django_db


def get_free(get_data, at):
    return [
        (stretch["starts_at"][11:19], stretch["ends_at"][11:19])
        for stretch in get_data("/api/free", at=at)["free"]
    ]


def test_it_works(get_data, make_moment):
    make_moment("1969-07-20T20:17:40Z", seconds=60)
    assert get_data("/api/free", at="1969-07-20T20:30:00Z") == {
        "starts_at": "1969-07-20T20:00:00Z",
        "ends_at": "1969-07-20T21:00:00Z",
        "free": [
            {"starts_at": "1969-07-20T20:00:00Z", "ends_at": "1969-07-20T20:17:40Z"},
            {"starts_at": "1969-07-20T20:18:40Z", "ends_at": "1969-07-20T21:00:00Z"},
        ],
    }


def test_adjacent_moments_leave_no_gap(get_data, make_moment):
    """Edge case 5."""
    make_moment("1969-07-20T20:10:00Z", seconds=60)
    make_moment("1969-07-20T20:11:00Z", seconds=60)
    assert get_free(get_data, "1969-07-20T20:00:00Z") == [
        ("20:00:00", "20:10:00"),
        ("20:12:00", "21:00:00"),
    ]


def test_moments_that_extend_beyond_the_hour_are_clipped(get_data, make_moment):
    make_moment("1969-07-20T19:30:00Z", seconds=3600)
    make_moment("1969-07-20T20:50:00Z", seconds=3600)
    assert get_free(get_data, "1969-07-20T20:00:00Z") == [("20:30:00", "20:50:00")]


def test_full_hour_has_no_free_interval(get_data, make_moment):
    make_moment("1969-07-20T00:00:00Z", seconds=86_400)
    assert get_free(get_data, "1969-07-20T20:00:00Z") == []


def test_hidden_and_unfinished_moments_are_not_free(get_data, make_moment):
    """Edge case 15: it is public that a span is taken, and nothing else about it."""
    later = timezone.now() + dt.timedelta(hours=1)
    make_moment("1969-07-20T20:10:00Z", visibility=Visibility.PRIVATE)
    make_moment("1969-07-20T20:20:00Z", status=Status.HELD, held_until=later)
    make_moment("1969-07-20T20:30:00Z", status=Status.REVOKED)
    assert [start for start, _ in get_free(get_data, "1969-07-20T20:00:00Z")] == [
        "20:00:00",
        "20:11:00",
        "20:21:00",
    ]


def test_expired_hold_is_free(get_data, make_moment):
    """Edge case 9."""
    past = timezone.now() - dt.timedelta(hours=1)
    make_moment("1969-07-20T20:10:00Z", status=Status.HELD, held_until=past)
    assert get_free(get_data, "1969-07-20T20:00:00Z") == [("20:00:00", "21:00:00")]


@pytest.mark.parametrize("at", ["0001-01-02", "9999-12-30T23:59:59Z", "9999-12-31"])
def test_ends_of_the_timeline(get_data, at):
    """Edge case 6."""
    assert len(get_free(get_data, at)) == 1
