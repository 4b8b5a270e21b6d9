"""``/api/density/…``: the counts of a tile."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.models import Visibility
from timeline.services import rollups

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _moments(make_moment):
    make_moment("1969-07-20T20:17:40Z", seconds=7200)
    make_moment("1969-07-19T23:00:00Z", seconds=5400)
    make_moment("1969-07-20T03:00:00Z", seconds=600, visibility=Visibility.PRIVATE)


def test_it_works(get_data):
    assert get_data("/api/density/month", at="1969-02-03") == {
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
def test_every_level_has_the_same_counts(get_data, level, start, end, folded):
    """A private moment covers its seconds, but is not counted (edge case 15)."""
    if folded:
        rollups.fold()
    tile = get_data(f"/api/density/{level}", at="1969-07-20T12:00:00Z")
    assert (tile["starts_at"], tile["ends_at"]) == (start, end)
    assert sum(part["moments"] for part in tile["parts"]) == 2
    assert sum(part["seconds"] for part in tile["parts"]) == 13200


def test_moment_over_midnight_is_split_between_hours(get_data):
    tile = get_data("/api/density/hour", at="1969-07-20")
    held = {part["starts_at"][8:13]: part["seconds"] for part in tile["parts"]}
    assert held == {
        "19T23": 3600, "20T00": 1800, "20T03": 600, "20T20": 2540, "20T21": 3600, "20T22": 1060,
    }  # fmt: skip


def test_moment_that_starts_before_the_tile_adds_seconds_only(get_data, make_moment):
    make_moment("1969-07-22T23:30:00Z", seconds=7200)
    tile = get_data("/api/density/hour", at="1969-07-23")
    assert tile["parts"] == [
        {"starts_at": "1969-07-23T00:00:00Z", "moments": 0, "seconds": 3600},
        {"starts_at": "1969-07-23T01:00:00Z", "moments": 0, "seconds": 1800},
    ]


@pytest.mark.parametrize("level", ["century", "year", "month", "day", "hour"])
def test_tiles_follow_each_other_without_gaps(get_data, level):
    """Edge case 6: from one end of the timeline to the other, without a year 0."""
    first, last = get_data(f"/api/density/{level}", at="0001-01-02"), None
    assert first["starts_at"] == "0001-01-02T00:00:00Z"
    for at in ("9999-12-31", "9999-12-30T23:59:59Z"):
        last = get_data(f"/api/density/{level}", at=at)
        assert last["ends_at"] == "9999-12-31T00:00:00Z"
    if level != "century":
        assert (
            get_data(f"/api/density/{level}", at=first["ends_at"])["starts_at"] == first["ends_at"]
        )


def test_both_ends_of_the_timeline(get_data, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02", 86_400)
    make_moment("9999-12-30", 86_400)
    for level in ("century", "year", "month", "day"):
        for at in ("0001-01-02", "9999-12-30"):
            parts = get_data(f"/api/density/{level}", at=at)["parts"]
            assert 86_400 in [part["seconds"] for part in parts]
    assert len(get_data("/api/density/hour", at="0001-01-02")["parts"]) == 24
    assert len(get_data("/api/density/hour", at="9999-12-30")["parts"]) == 24


@pytest.mark.parametrize("level", ["century", "year", "month", "day", "hour"])
def test_tile_takes_at_most_two_queries(get_data, level):
    with CaptureQueriesContext(connection) as queries:
        get_data(f"/api/density/{level}", at="1969-07-20")
    assert len(queries) <= 2


def test_unknown_level_is_404(get_refusal):
    status, message = get_refusal("/api/density/minute", at="1969-07-20")
    assert status == 404
    assert "century, year, month, day, hour" in message


@pytest.mark.parametrize("at", [{}, {"at": "now"}, {"at": "0001-01-01"}, {"at": ""}], ids=str)
def test_invalid_time_is_explained(get_refusal, at):
    status, message = get_refusal("/api/density/year", **at)
    assert status == 400
    assert "“at”" in message
