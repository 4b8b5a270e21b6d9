"""The list of one's own moments."""

from __future__ import annotations

import pytest

from timeline.core.spans import parse_instant
from timeline.models import Moment, Status, Visibility
from timeline.services import likes
from timeline.services.claims import details

pytestmark = pytest.mark.django_db
URL = "/moments/mine/"


def test_it_works(client, make_moment, owner, stranger):
    moment = make_moment("1969-07-20", title="Landing")
    make_moment("1969-07-21", title="Diary", visibility=Visibility.PRIVATE)
    make_moment("1969-07-22", title="Not mine", user=stranger)
    details.edit_moment(moment, details.MomentDetails(title="The landing"))
    likes.like(stranger, moment)
    client.force_login(owner)
    response = client.get(URL)
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
    assert client.get(URL)["Location"] == f"/accounts/login/?next={URL}"


def test_hidden_moment_shows_the_reason(client, make_moment, owner):
    moment = make_moment("1969-07-20", visibility=Visibility.PRIVATE)
    Moment.objects.update(hidden_at=parse_instant("2026-01-02"), hidden_reason="names a child")
    client.force_login(owner)
    for address in (URL, moment.get_absolute_url()):
        page = client.get(address).text
        assert "Staff has hidden this moment" in page
        assert "names a child" in page


def test_revoked_moment_is_listed_with_its_reason(client, make_moment, owner):
    make_moment("1969-07-20", title="Gone", status=Status.REVOKED, status_reason="paid back")
    client.force_login(owner)
    page = client.get(URL).text
    assert page.index("Off the timeline") < page.index("Gone") < page.index("paid back")


def test_empty_list_has_a_hint(client, owner):
    client.force_login(owner)
    assert "You have no moment yet." in client.get(URL).text


def test_list_is_paginated_by_key_with_few_queries(
    client, make_moment, owner, django_assert_max_num_queries
):
    """Edge case 18."""
    for minute in range(55):
        make_moment(f"1969-07-20T20:{minute:02}:00Z", title=f"Number {minute}.")
    client.force_login(owner)
    with django_assert_max_num_queries(
        6
    ):  # session and user; the page, private details, tags, revoked moments
        page = client.get(URL).text
    assert "Number 54." in page
    assert "Number 4." not in page
    next_page = client.get(f"{URL}?before=1969-07-20T20:05:00Z").text
    assert "Number 4." in next_page
