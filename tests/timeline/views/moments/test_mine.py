"""One's own moments."""

from __future__ import annotations

import pytest

from timeline.core.spans import parse_instant
from timeline.models import Moment, Status, Visibility
from timeline.services import likes
from timeline.services.claims import details

pytestmark = pytest.mark.django_db
MINE = "/moments/mine/"


def test_it_works(client, make_moment, owner, stranger):
    moment = make_moment("1969-07-20", title="Landing")
    make_moment("1969-07-21", title="Diary", visibility=Visibility.PRIVATE)
    make_moment("1969-07-22", title="Not mine", user=stranger)
    details.edit_moment(moment, details.MomentDetails(title="The landing"))
    likes.like(stranger, moment)
    client.force_login(owner)
    response = client.get(MINE)
    page = response.text
    assert response["Cache-Control"] == "private, no-store"
    assert "The landing" in page
    assert "edited once" in page
    assert "1 like ·" in page
    assert "Private: only me" in page
    assert "never edited" in page
    assert f"/moments/{moment.public_id}/edit/" in page
    assert "Not mine" not in page


def test_it_checks_access(client, make_moment):
    make_moment("1969-07-20")
    assert client.get(MINE)["Location"] == f"/accounts/login/?next={MINE}"


def test_what_staff_has_hidden_says_so_and_why(client, make_moment, owner):
    moment = make_moment("1969-07-20", visibility=Visibility.PRIVATE)
    Moment.objects.update(hidden_at=parse_instant("2026-01-02"), hidden_reason="names a child")
    client.force_login(owner)
    for address in (MINE, moment.get_absolute_url()):
        page = client.get(address).text
        assert "Staff has hidden this moment" in page
        assert "names a child" in page


def test_what_is_off_the_timeline_is_told_with_its_reason(client, make_moment, owner):
    make_moment("1969-07-20", title="Gone", status=Status.REVOKED, status_reason="paid back")
    client.force_login(owner)
    page = client.get(MINE).text
    assert page.index("Off the timeline") < page.index("Gone") < page.index("paid back")


def test_who_has_none_is_led_on(client, owner):
    client.force_login(owner)
    assert "You have no moment yet." in client.get(MINE).text


def test_it_is_paged_by_key_and_asks_few_queries(
    client, make_moment, owner, django_assert_max_num_queries
):
    """Edge case 18."""
    for minute in range(55):
        make_moment(f"1969-07-20T20:{minute:02}:00Z", title=f"Number {minute}.")
    client.force_login(owner)
    with django_assert_max_num_queries(
        6
    ):  # who it is; the page, what only they know, tags, revoked
        page = client.get(MINE).text
    assert "Number 54." in page
    assert "Number 4." not in page
    further = client.get(f"{MINE}?before=1969-07-20T20:05:00Z").text
    assert "Number 4." in further
