"""``fields``: which fields of a moment are fetched and returned."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.models import MomentTag, Tag
from timeline.views.api.fields import FIELDS, LIST_FIELDS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _moments(make_moment):
    for minute in range(3):
        make_moment(f"1969-07-20T20:0{minute}:00Z", story="Long ago")


def test_it_works(get_data):
    assert get_data("/api/timeline", fields="title,seconds", limit=1)["moments"] == [
        {"title": "Moment of 1969-07-20T20:02:00Z", "seconds": 60}
    ]


def test_stories_are_returned_on_request_only(get_data):
    assert "story" not in get_data("/api/timeline")["moments"][0]
    assert get_data("/api/timeline", fields="story")["moments"][0] == {"story": "Long ago"}


def test_fields_keep_the_requested_order(get_data):
    assert list(get_data("/api/timeline", fields="title,id")["moments"][0]) == ["title", "id"]
    assert list(get_data("/api/timeline")["moments"][0]) == list(LIST_FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_needs_a_query_per_moment(get_data, name):
    with CaptureQueriesContext(connection) as queries:
        moments = get_data("/api/timeline", fields=name)["moments"]
    assert [list(moment) for moment in moments] == [[name]] * 3
    assert len(queries) == (2 if name == "tags" else 1)


def test_only_requested_columns_are_fetched(get_data):
    with CaptureQueriesContext(connection) as queries:
        get_data("/api/timeline", fields="id,starts_at")
    columns = queries[0]["sql"].split(" FROM ")[0]
    assert '"starts_at"' in columns
    assert not any(f'"{name}"' in columns for name in ("story", "title", "handle", "place"))


def test_pagination_works_without_the_field_of_the_start(get_data):
    first = get_data("/api/timeline", fields="title", limit=2)
    second = get_data("/api/timeline", fields="title", limit=2, cursor=first["next"])
    assert [moment["title"][-9:] for moment in first["moments"] + second["moments"]] == [
        "20:02:00Z",
        "20:01:00Z",
        "20:00:00Z",
    ]


@pytest.mark.parametrize(
    "fields", ["", "title,", "colour", "title,title", "title, id", "TITLE", "user__email"]
)
def test_unknown_fields_are_refused(get_refusal, fields):
    status, message = get_refusal("/api/timeline", fields=fields)
    assert status == 400
    assert ", ".join(FIELDS) in message


def test_each_moment_has_its_own_sorted_tags(get_data, make_moment):
    space, earth = Tag.objects.create(name="space"), Tag.objects.create(name="earth")
    both, one = make_moment("1969-07-20T21:00:00Z"), make_moment("1969-07-20T22:00:00Z")
    for moment, tag in ((both, space), (both, earth), (one, space)):
        MomentTag.objects.create(moment=moment, tag=tag)
    tags = [moment["tags"] for moment in get_data("/api/timeline", fields="tags")["moments"]]
    assert tags == [["space"], ["earth", "space"], [], [], []]
    assert get_data(f"/api/moments/{both.public_id}")["tags"] == ["earth", "space"]
