"""``/api/moments/<id>``: one moment."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from timeline.core.public_ids import encode_id
from timeline.models import Status, Visibility
from timeline.views.api.fields import FIELDS

pytestmark = pytest.mark.django_db

HOSTILE_IDS = [
    "1", "11111111111", "zzzzzzzzzzz", "0OIl0OIl0OI", "-1", "9" * 5000, "%ED%A0%80", "null", "１" * 11,
]  # fmt: skip


def test_it_works(get_data, make_moment):
    made = make_moment("1969-07-20T20:17:40Z", title="The Eagle has landed", story="Long\nago")
    data = get_data(f"/api/moments/{made.public_id}")
    assert list(data) == list(FIELDS)
    assert data["title"] == "The Eagle has landed"
    assert data["story"] == "Long\nago"


def test_moment_takes_two_queries(get_data, make_moment):
    made = make_moment("1969-07-20T20:17:40Z")
    with CaptureQueriesContext(connection) as queries:
        get_data(f"/api/moments/{made.public_id}")
    assert len(queries) == 2


def test_unicode_is_returned_unchanged(client, make_moment):
    """Edge case 19."""
    title = "אורח 👩‍👩‍👧 <b>é</b>"
    made = make_moment("1969-07-20T20:17:40Z", title=title)
    response = client.get(f"/api/moments/{made.public_id}")
    assert response.json()["data"]["title"] == title
    assert response["X-Content-Type-Options"] == "nosniff"


def test_unlisted_moment_is_returned_by_its_id(get_data, make_moment):
    made = make_moment("1969-07-20T20:17:40Z", visibility=Visibility.UNLISTED)
    assert get_data(f"/api/moments/{made.public_id}")["id"] == made.public_id


@pytest.mark.parametrize(
    "hidden",
    [{"visibility": Visibility.PRIVATE}, {"status": Status.REVOKED}, {"status": Status.PAYING}],
    ids=str,
)
def test_hidden_moment_is_404_like_a_nonexistent_one(client, make_moment, hidden, owner):
    """Edge case 15: for its owner too, because the response is the same for everybody."""
    made = make_moment("1969-07-20T20:17:40Z", **hidden)
    never = client.get(f"/api/moments/{encode_id(made.pk ^ 1)}")
    there = client.get(f"/api/moments/{made.public_id}")
    client.force_login(owner)
    mine = client.get(f"/api/moments/{made.public_id}")
    assert never.status_code == there.status_code == mine.status_code == 404
    assert never.content == there.content == mine.content


@pytest.mark.parametrize("public_id", HOSTILE_IDS)
def test_invalid_id_is_404(get_refusal, public_id):
    assert get_refusal(f"/api/moments/{public_id}") == (
        404,
        "There is no such moment, or it is not public.",
    )
