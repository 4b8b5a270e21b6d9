"""``/api/periods…``: centuries, years, months, days, hours."""

from __future__ import annotations

from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.models import Visibility
from timeline.services import rollups

pytestmark = pytest.mark.django_db

LEVELS = [
    "/api/periods",
    "/api/periods/centuries/20",
    "/api/periods/1969",
    "/api/periods/1969/07",
    "/api/periods/1969/07/20",
    "/api/periods/1969/07/20/20",
]


@pytest.fixture(autouse=True)
def _moments(make_moment):
    make_moment("1969-07-20T20:17:40Z", seconds=7200)
    make_moment("1969-07-19T23:00:00Z", seconds=5400)
    make_moment("1969-07-20T03:00:00Z", seconds=600, visibility=Visibility.PRIVATE)


def test_it_works(get_data):
    july = get_data("/api/periods/1969/07")
    parts = july.pop("parts")
    assert july == {
        "name": "July 1969",
        "level": "month",
        "url": "/api/periods/1969/07",
        "starts_at": "1969-07-01T00:00:00Z",
        "ends_at": "1969-08-01T00:00:00Z",
        "moments": 2,
        "seconds": 7200 + 5400 + 600,
        "claimed": 13200 / (31 * 86400),
        "previous": "/api/periods/1969/06",
        "next": "/api/periods/1969/08",
        "parent": "/api/periods/1969",
    }
    assert len(parts) == 31
    assert parts[19] == {
        "name": "20 July 1969",
        "level": "day",
        "url": "/api/periods/1969/07/20",
        "starts_at": "1969-07-20T00:00:00Z",
        "ends_at": "1969-07-21T00:00:00Z",
        "moments": 1,
        "seconds": 7200 + 1800 + 600,
        "claimed": 9600 / 86400,
    }


def test_timeline_has_all_centuries(get_data):
    whole = get_data("/api/periods")
    assert (whole["level"], whole["previous"], whole["next"], whole["parent"]) == (
        "timeline",
        None,
        None,
        None,
    )
    assert [part["url"] for part in whole["parts"]] == [
        f"/api/periods/centuries/{number}" for number in range(1, 101)
    ]
    assert whole["parts"][19]["moments"] == whole["moments"] == 2


@pytest.mark.parametrize("folded", [False, True])
def test_every_level_has_the_same_counts(get_data, folded):
    """A private moment covers its seconds, but is not counted (edge case 15)."""
    if folded:
        rollups.fold()
    for address in LEVELS[:4]:
        period = get_data(address)
        assert (period["moments"], period["seconds"]) == (2, 13200)


def test_day_has_its_hours(get_data):
    hours = get_data("/api/periods/1969/07/20")["parts"]
    assert len(hours) == 24
    held = {
        hour["url"][-2:]: (hour["moments"], hour["seconds"]) for hour in hours if hour["seconds"]
    }
    assert held == {
        "00": (0, 1800),
        "03": (0, 600),
        "20": (1, 2540),
        "21": (0, 3600),
        "22": (0, 1060),
    }


def test_hour_has_no_children(get_data):
    hour = get_data("/api/periods/1969/07/20/20")
    assert (hour["moments"], hour["seconds"], hour["parts"]) == (1, 2540, [])
    assert hour["claimed"] == 2540 / 3600
    assert hour["next"] == "/api/periods/1969/07/20/21"
    assert hour["parent"] == "/api/periods/1969/07/20"


@pytest.mark.parametrize("address", LEVELS)
def test_url_of_a_period_returns_it(get_data, address):
    assert get_data(address)["url"] == address


@pytest.mark.parametrize(("parent", "child"), list(pairwise(LEVELS)))
def test_parents_and_children_link_to_each_other(get_data, child, parent):
    assert get_data(child)["parent"] == parent
    assert child in [part["url"] for part in get_data(parent)["parts"]]


@pytest.mark.parametrize("address", LEVELS)
def test_period_takes_few_queries(get_data, address):
    """One, or two for a day, because hours are not stored."""
    with CaptureQueriesContext(connection) as queries:
        get_data(address)
    assert len(queries) <= 2


@pytest.mark.parametrize(
    ("first", "last", "parts"),
    [
        ("/api/periods/centuries/1", "/api/periods/centuries/100", (100, 99)),
        ("/api/periods/0001", "/api/periods/9999", (12, 12)),
        ("/api/periods/0001/01", "/api/periods/9999/12", (30, 30)),
        ("/api/periods/0001/01/02", "/api/periods/9999/12/30", (24, 24)),
        ("/api/periods/0001/01/02/00", "/api/periods/9999/12/30/23", (0, 0)),
    ],
)
def test_both_ends_of_the_timeline(get_data, first, last, parts):
    """Edge case 6."""
    earliest, latest = get_data(first), get_data(last)
    assert earliest["previous"] is None
    assert latest["next"] is None
    assert earliest["starts_at"] == "0001-01-02T00:00:00Z"
    assert latest["ends_at"] == "9999-12-31T00:00:00Z"
    assert (len(earliest["parts"]), len(latest["parts"])) == parts


@pytest.mark.parametrize(
    "name",
    [
        "0000", "10000", "-001", "19", "1969.0", "１９６９", "now", "centuries", "9" * 5000,
        "1969/00", "1969/13", "1969/7", "1969/007", "1969/%20",
        "1969/07/00", "1969/07/32", "1900/02/29", "1969/07/2", "0001/01/01", "9999/12/31",
        "1969/07/20/24", "1969/07/20/-1", "1969/07/20/2", "0000/00/00/00",
        "centuries/0", "centuries/101", "centuries/020", "centuries/-1", "centuries/x",
        "centuries/" + "9" * 5000,
    ],
)  # fmt: skip
def test_nonexistent_period_is_404(get_refusal, name):
    """Edge case 6."""
    status, message = get_refusal(f"/api/periods/{name}")
    assert status == 404
    assert message != "There is no page at this address."
