"""``/api/timeline``: which moments, in what order, page by page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.models import MomentTag, Status, Tag, Visibility

pytestmark = pytest.mark.django_db

MINUTES = [f"1969-07-20T20:{minute:02}:00Z" for minute in range(10)]


@pytest.fixture
def ten(make_moment):
    return [make_moment(start) for start in MINUTES]


def get_starts(data):
    return [moment["starts_at"] for moment in data["moments"]]


def test_it_works(get_data, make_moment):
    made = make_moment(
        "1969-07-20T20:17:40Z",
        seconds=3661,
        title="The Eagle has landed",
        place="Mare Tranquillitatis",
        story="Long",
        source="https://example.org/",
        time_zone="America/New_York",
        utc_offset=-14400,
    )
    MomentTag.objects.create(moment=made, tag=Tag.objects.create(name="space"))
    assert get_data("/api/timeline") == {
        "moments": [
            {
                "id": made.public_id,
                "url": f"/moments/{made.public_id}/the-eagle-has-landed/",
                "title": "The Eagle has landed",
                "starts_at": "1969-07-20T20:17:40Z",
                "ends_at": "1969-07-20T21:18:41Z",
                "seconds": 3661,
                "place": "Mare Tranquillitatis",
                "time_zone": "America/New_York",
                "utc_offset": -14400,
                "tags": ["space"],
                "owner": {"handle": "ada", "name": "Ada"},
                "source": "https://example.org/",
            }
        ],
        "next": None,
    }


def test_moments_are_newest_first(get_data, ten):
    assert get_starts(get_data("/api/timeline")) == MINUTES[::-1]


def test_an_empty_timeline_has_no_next(get_data):
    assert get_data("/api/timeline") == {"moments": [], "next": None}


def test_page_has_fifty_moments_by_default(get_data, make_moment):
    for minute in range(51):
        make_moment(f"1969-07-20T20:{minute:02}:00Z")
    assert len(get_data("/api/timeline")["moments"]) == 50
    assert len(get_data("/api/timeline", limit=200)["moments"]) == 51


def test_next_leads_through_all_moments_once(get_data, ten):
    """Edge case 18."""
    seen, query = [], {"limit": 3}
    while True:
        data = get_data("/api/timeline", **query)
        seen += get_starts(data)
        if data["next"] is None:
            break
        query["cursor"] = data["next"]
    assert seen == MINUTES[::-1]


def test_full_last_page_has_no_next(get_data, ten):
    assert get_data("/api/timeline", limit=10)["next"] is None
    assert get_data("/api/timeline", limit=9)["next"] == MINUTES[1]


def test_insert_and_delete_between_pages_neither_repeat_nor_skip(get_data, ten, make_moment):
    """Edge case 18: the cursor of a deleted moment still works."""
    first = get_data("/api/timeline", limit=3)
    make_moment("1969-07-20T21:00:00Z")
    ten[7].delete()
    rest = get_data("/api/timeline", cursor=first["next"])
    assert get_starts(first) + get_starts(rest) == MINUTES[::-1]


def test_start_and_end_select_overlapping_moments(get_data, ten):
    """The interval is half open: a moment that ends at its start or starts at its end is outside."""
    data = get_data("/api/timeline", start="1969-07-20T20:02:30Z", end="1969-07-20T20:05:00Z")
    assert get_starts(data) == MINUTES[4:1:-1]
    assert get_starts(get_data("/api/timeline", start=MINUTES[8])) == MINUTES[:7:-1]
    assert get_starts(get_data("/api/timeline", end=MINUTES[2])) == MINUTES[1::-1]


def test_moment_over_midnight_overlaps_the_next_day(get_data, make_moment):
    make_moment("1969-07-20T00:00:01Z", seconds=86400)
    assert get_data("/api/timeline", start="1969-07-21")["moments"]
    assert not get_data("/api/timeline", start="1969-07-21T00:00:01Z")["moments"]


def test_start_and_end_are_paginated(get_data, ten):
    query = {"start": MINUTES[2], "end": MINUTES[8], "limit": 4}
    first = get_data("/api/timeline", **query)
    second = get_data("/api/timeline", **query, cursor=first["next"])
    assert get_starts(first) + get_starts(second) == MINUTES[7:1:-1]
    assert second["next"] is None


def test_times_may_have_an_offset(get_data, ten):
    data = get_data("/api/timeline", start="1969-07-20T16:08:00-04:00")
    assert get_starts(data) == [MINUTES[9], MINUTES[8]]


def test_both_ends_of_the_timeline(get_data, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02T00:00:00Z")
    make_moment("9999-12-30T23:59:00Z")
    ends = ["9999-12-30T23:59:00Z", "0001-01-02T00:00:00Z"]
    assert get_starts(get_data("/api/timeline")) == ends
    assert get_starts(get_data("/api/timeline", start="0001-01-02", end="9999-12-31")) == ends
    assert get_starts(get_data("/api/timeline", end="0001-01-03")) == ends[1:]
    assert get_starts(get_data("/api/timeline", start="9999-12-30")) == ends[:1]
    assert get_starts(get_data("/api/timeline", cursor="0001-01-02")) == []


@pytest.mark.parametrize(
    "hidden",
    [
        {"visibility": Visibility.PRIVATE},
        {"visibility": Visibility.UNLISTED},
        {"status": Status.REVOKED},
        {"status": Status.RELEASED},
        {"status": Status.PAYING},
    ],
    ids=str,
)
def test_hidden_moments_are_not_listed(get_data, make_moment, hidden):
    """Edge case 15."""
    make_moment("1969-07-20T20:00:00Z", **hidden)
    make_moment("1969-07-20T21:00:00Z")
    data = get_data("/api/timeline", limit=1)
    assert get_starts(data) == ["1969-07-20T21:00:00Z"]
    assert data["next"] is None


def test_owner_gets_the_same_response_as_others(client, make_moment, owner):
    """Caches may store the response, so it is the same for everybody."""
    make_moment("1969-07-20T20:00:00Z", visibility=Visibility.PRIVATE)
    client.force_login(owner)
    assert client.get("/api/timeline").json()["data"]["moments"] == []


def test_unknown_parameters_are_ignored(get_data, ten):
    assert len(get_data("/api/timeline", utm_source="letter", page="two")["moments"]) == 10


@pytest.mark.parametrize("query", [{}, {"start": "1969-07-20", "cursor": "1970-01-01"}], ids=str)
def test_page_takes_two_queries(get_data, ten, query):
    for moment in ten:
        MomentTag.objects.create(moment=moment, tag=Tag.objects.create(name=f"t{moment.pk}"))
    with CaptureQueriesContext(connection) as queries:
        get_data("/api/timeline", **query)
    assert len(queries) == 2


def test_query_uses_neither_count_nor_offset(get_data, ten):
    with CaptureQueriesContext(connection) as queries:
        get_data("/api/timeline", cursor=MINUTES[5], limit=2)
    sql = " ".join(query["sql"].upper() for query in queries)
    assert "COUNT(" not in sql
    assert " OFFSET " not in sql
    assert "LIMIT 3" in sql
