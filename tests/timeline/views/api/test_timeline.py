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


def starts(data):
    return [moment["starts_at"] for moment in data["moments"]]


def test_it_works(ask, make_moment):
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
    assert ask("/api/timeline") == {
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


def test_it_is_newest_first(ask, ten):
    assert starts(ask("/api/timeline")) == MINUTES[::-1]


def test_an_empty_timeline_has_no_next(ask):
    assert ask("/api/timeline") == {"moments": [], "next": None}


def test_a_page_has_fifty_unless_told(ask, make_moment):
    for minute in range(51):
        make_moment(f"1969-07-20T20:{minute:02}:00Z")
    assert len(ask("/api/timeline")["moments"]) == 50
    assert len(ask("/api/timeline", limit=200)["moments"]) == 51


def test_next_leads_through_everything_once(ask, ten):
    """Edge case 18."""
    seen, query = [], {"limit": 3}
    while True:
        data = ask("/api/timeline", **query)
        seen += starts(data)
        if data["next"] is None:
            break
        query["cursor"] = data["next"]
    assert seen == MINUTES[::-1]


def test_a_full_last_page_has_no_next(ask, ten):
    assert ask("/api/timeline", limit=10)["next"] is None
    assert ask("/api/timeline", limit=9)["next"] == MINUTES[1]


def test_what_comes_and_goes_meanwhile_disturbs_no_page(ask, ten, make_moment):
    """Edge case 18: a cursor to a moment that is gone still works."""
    first = ask("/api/timeline", limit=3)
    make_moment("1969-07-20T21:00:00Z")
    ten[7].delete()
    rest = ask("/api/timeline", cursor=first["next"])
    assert starts(first) + starts(rest) == MINUTES[::-1]


def test_a_span_takes_what_touches_it(ask, ten):
    """Half open: a moment that ends at the start, or starts at the end, is outside."""
    data = ask("/api/timeline", start="1969-07-20T20:02:30Z", end="1969-07-20T20:05:00Z")
    assert starts(data) == MINUTES[4:1:-1]
    assert starts(ask("/api/timeline", start=MINUTES[8])) == MINUTES[:7:-1]
    assert starts(ask("/api/timeline", end=MINUTES[2])) == MINUTES[1::-1]


def test_a_long_moment_reaches_into_the_next_day(ask, make_moment):
    make_moment("1969-07-20T00:00:01Z", seconds=86400)
    assert ask("/api/timeline", start="1969-07-21")["moments"]
    assert not ask("/api/timeline", start="1969-07-21T00:00:01Z")["moments"]


def test_a_span_is_paged_within(ask, ten):
    query = {"start": MINUTES[2], "end": MINUTES[8], "limit": 4}
    first = ask("/api/timeline", **query)
    second = ask("/api/timeline", **query, cursor=first["next"])
    assert starts(first) + starts(second) == MINUTES[7:1:-1]
    assert second["next"] is None


def test_times_may_carry_an_offset(ask, ten):
    data = ask("/api/timeline", start="1969-07-20T16:08:00-04:00")
    assert starts(data) == [MINUTES[9], MINUTES[8]]


def test_it_works_at_both_ends_of_the_window(ask, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02T00:00:00Z")
    make_moment("9999-12-30T23:59:00Z")
    ends = ["9999-12-30T23:59:00Z", "0001-01-02T00:00:00Z"]
    assert starts(ask("/api/timeline")) == ends
    assert starts(ask("/api/timeline", start="0001-01-02", end="9999-12-31")) == ends
    assert starts(ask("/api/timeline", end="0001-01-03")) == ends[1:]
    assert starts(ask("/api/timeline", start="9999-12-30")) == ends[:1]
    assert starts(ask("/api/timeline", cursor="0001-01-02")) == []


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
def test_what_is_not_public_is_absent(ask, make_moment, hidden):
    """Edge case 15."""
    make_moment("1969-07-20T20:00:00Z", **hidden)
    make_moment("1969-07-20T21:00:00Z")
    data = ask("/api/timeline", limit=1)
    assert starts(data) == ["1969-07-20T21:00:00Z"]
    assert data["next"] is None


def test_an_owner_sees_no_more_than_others(client, make_moment, owner):
    """The answer may be kept by caches, so it is the same for everybody."""
    make_moment("1969-07-20T20:00:00Z", visibility=Visibility.PRIVATE)
    client.force_login(owner)
    assert client.get("/api/timeline").json()["data"]["moments"] == []


def test_parameters_without_a_meaning_are_ignored(ask, ten):
    assert len(ask("/api/timeline", utm_source="letter", page="two")["moments"]) == 10


@pytest.mark.parametrize("query", [{}, {"start": "1969-07-20", "cursor": "1970-01-01"}], ids=str)
def test_it_takes_two_queries_however_many_moments(ask, ten, query):
    for moment in ten:
        MomentTag.objects.create(moment=moment, tag=Tag.objects.create(name=f"t{moment.pk}"))
    with CaptureQueriesContext(connection) as queries:
        ask("/api/timeline", **query)
    assert len(queries) == 2


def test_it_neither_counts_nor_skips_rows(ask, ten):
    with CaptureQueriesContext(connection) as queries:
        ask("/api/timeline", cursor=MINUTES[5], limit=2)
    sql = " ".join(query["sql"].upper() for query in queries)
    assert "COUNT(" not in sql
    assert " OFFSET " not in sql
    assert "LIMIT 3" in sql
