"""``/api/density/…``: counts by the tile."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.models import Visibility
from timeline.services import rollups

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _some(make_moment):
    make_moment("1969-07-20T20:17:40Z", seconds=7200)
    make_moment("1969-07-19T23:00:00Z", seconds=5400)
    make_moment("1969-07-20T03:00:00Z", seconds=600, visibility=Visibility.PRIVATE)


def test_it_works(ask):
    assert ask("/api/density/month", at="1969-02-03") == {
        "level": "month",
        "starts_at": "1961-01-01T00:00:00Z",
        "ends_at": "1971-01-01T00:00:00Z",
        "parts": [{"starts_at": "1969-07-01T00:00:00Z", "moments": 2, "seconds": 13200}],
    }


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize(
    ("level", "start", "end"),
    [
        ("century", "0001-01-02T00:00:00Z", "9999-12-31T00:00:00Z"),
        ("year", "1901-01-01T00:00:00Z", "2001-01-01T00:00:00Z"),
        ("month", "1961-01-01T00:00:00Z", "1971-01-01T00:00:00Z"),
        ("day", "1969-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ("hour", "1969-07-19T00:00:00Z", "1969-07-23T00:00:00Z"),
    ],
)
def test_every_level_counts_the_same(ask, level, start, end, folded):
    """A private moment's span is taken, but it is not counted (edge case 15)."""
    if folded:
        rollups.fold()
    tile = ask(f"/api/density/{level}", at="1969-07-20T12:00:00Z")
    assert (tile["starts_at"], tile["ends_at"]) == (start, end)
    assert sum(part["moments"] for part in tile["parts"]) == 2
    assert sum(part["seconds"] for part in tile["parts"]) == 13200


def test_hours_share_what_reaches_over_midnight(ask):
    tile = ask("/api/density/hour", at="1969-07-20")
    held = {part["starts_at"][8:13]: part["seconds"] for part in tile["parts"]}
    assert held == {
        "19T23": 3600, "20T00": 1800, "20T03": 600, "20T20": 2540, "20T21": 3600, "20T22": 1060,
    }  # fmt: skip


def test_a_moment_that_begins_before_the_tile_counts_its_seconds_only(ask, make_moment):
    make_moment("1969-07-22T23:30:00Z", seconds=7200)
    tile = ask("/api/density/hour", at="1969-07-23")
    assert tile["parts"] == [
        {"starts_at": "1969-07-23T00:00:00Z", "moments": 0, "seconds": 3600},
        {"starts_at": "1969-07-23T01:00:00Z", "moments": 0, "seconds": 1800},
    ]


@pytest.mark.parametrize("level", ["century", "year", "month", "day", "hour"])
def test_tiles_lie_side_by_side(ask, level):
    """Edge case 6: from one end of time to the other, without a gap, without a year 0."""
    first, last = ask(f"/api/density/{level}", at="0001-01-02"), None
    assert first["starts_at"] == "0001-01-02T00:00:00Z"
    for at in ("9999-12-31", "9999-12-30T23:59:59Z"):
        last = ask(f"/api/density/{level}", at=at)
        assert last["ends_at"] == "9999-12-31T00:00:00Z"
    if level != "century":
        assert ask(f"/api/density/{level}", at=first["ends_at"])["starts_at"] == first["ends_at"]


def test_both_ends_of_time_are_counted(ask, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02", 86_400)
    make_moment("9999-12-30", 86_400)
    for level in ("century", "year", "month", "day"):
        for at in ("0001-01-02", "9999-12-30"):
            parts = ask(f"/api/density/{level}", at=at)["parts"]
            assert 86_400 in [part["seconds"] for part in parts]
    assert len(ask("/api/density/hour", at="0001-01-02")["parts"]) == 24
    assert len(ask("/api/density/hour", at="9999-12-30")["parts"]) == 24


@pytest.mark.parametrize("level", ["century", "year", "month", "day", "hour"])
def test_it_takes_two_queries_at_most(ask, level):
    with CaptureQueriesContext(connection) as queries:
        ask(f"/api/density/{level}", at="1969-07-20")
    assert len(queries) <= 2


def test_what_is_no_level_is_not_found(refusal):
    status, message = refusal("/api/density/minute", at="1969-07-20")
    assert status == 404
    assert "century, year, month, day, hour" in message


@pytest.mark.parametrize("at", [{}, {"at": "now"}, {"at": "0001-01-01"}, {"at": ""}], ids=str)
def test_it_says_what_is_wrong_with_a_time(refusal, at):
    status, message = refusal("/api/density/year", **at)
    assert status == 400
    assert "“at”" in message
