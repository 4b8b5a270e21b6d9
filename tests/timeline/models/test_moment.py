"""A moment's validation, and its texts for people."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from timeline.core.spans import parse_instant
from timeline.models import Moment
from timeline.models.moment import STORY_LENGTH, TITLE_LENGTH

START, END = parse_instant("2024-07-20T20:17:40Z"), parse_instant("2024-07-20T20:18:40Z")


def build_valid_moment(**fields):
    moment = Moment(**{"title": "x", "starts_at": START, "ends_at": END} | fields)
    moment.full_clean(exclude=["user"], validate_constraints=False, validate_unique=False)
    return moment


def test_it_works():
    moment = build_valid_moment(
        title="  A\u202e  title ", time_zone="America/New_York", story="one\r\ntwo"
    )
    assert (moment.title, moment.story) == ("A title", "one\ntwo")
    assert moment.utc_offset == -4 * 3600
    assert moment.tzdata_version
    assert moment.local_start == "20 July 2024, 16:17:40"
    assert str(moment) == "A title"


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", ""), ("title", "\u200b"), ("title", "x" * (TITLE_LENGTH + 1)),
     ("title", "\ufb2c" * (TITLE_LENGTH - 20)), ("title", "a\x00"), ("story", "x" * (STORY_LENGTH + 1)),
     ("story", "a\ud800"), ("place", "\u200b"), ("source", "x" * 201), ("time_zone", "Moon/Base"),
     ("ends_at", START), ("ends_at", parse_instant("2024-07-22")), ("visibility", "secret")],
)  # fmt: skip
def test_invalid_value_gives_an_error_at_its_field(field, value):
    """Edge case 19: a text is measured in its stored form. U+FB2C becomes three characters."""
    with pytest.raises(ValidationError) as caught:
        build_valid_moment(**{field: value})
    assert list(caught.value.message_dict) == [field]


def test_all_errors_are_reported_at_once():
    with pytest.raises(ValidationError) as caught:
        build_valid_moment(title="", time_zone="x", ends_at=START)
    assert set(caught.value.message_dict) == {"title", "time_zone", "ends_at"}


def test_local_mean_time_offset_has_seconds():
    """Edge case 3: Amsterdam was 19 min 32 s ahead until 1937."""
    start, end = parse_instant("1920-01-01T12:00:00Z"), parse_instant("1920-01-01T12:00:01Z")
    moment = build_valid_moment(starts_at=start, ends_at=end, time_zone="Africa/Monrovia")
    assert moment.utc_offset % 60
    assert moment.starts_iso == "1920-01-01T12:00:00Z"
