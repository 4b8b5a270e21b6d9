"""Changing what one's own moment says; never its time."""

from __future__ import annotations

import pytest
from django.urls import reverse

from timeline.models import MomentRevision, OrderStatus, Status

pytestmark = pytest.mark.django_db

WORDS = {
    "title": "After",
    "story": "New",
    "place": "Moon",
    "tags": "moon",
    "visibility": "unlisted",
}


@pytest.fixture
def moment(tagged, claimant):
    return tagged("1969-07-20T20:17:40Z", "apollo", user=claimant, title="Before", story="Old")


@pytest.fixture
def own(client, claimant):
    client.force_login(claimant)
    return client


def edit_url(moment):
    return reverse("timeline:moment-edit", args=[moment.pk])


def test_it_works(own, moment):
    page = own.get(edit_url(moment))
    assert page.status_code == 200
    assert 'value="Before"' in page.text
    assert 'name="starts_at"' not in page.text
    answer = own.post(edit_url(moment), WORDS)
    assert answer.status_code == 303
    assert answer["Location"].endswith("/after/")
    starts_at = moment.starts_at
    moment.refresh_from_db()
    assert (moment.title, moment.visibility, moment.starts_at) == ("After", "unlisted", starts_at)


def test_what_it_said_before_is_kept_for_its_owner(own, moment, client, rival):
    own.post(edit_url(moment), WORDS)
    page = own.get(edit_url(moment)).text
    assert "What it said before" in page
    assert "Before" in page
    assert "apollo" in page
    kept = MomentRevision.objects.get()
    assert (kept.title, kept.story, kept.tags) == ("Before", "Old", "apollo")
    client.force_login(rival)
    assert "Before" not in client.get(moment.get_absolute_url(), follow=True).text


def test_wrong_words_change_nothing(own, moment):
    page = own.post(edit_url(moment), WORDS | {"title": ""})
    assert page.status_code == 400
    assert "Give it a title" in page.text
    assert not MomentRevision.objects.exists()


def test_the_owners_page_links_to_it(own, moment, client):
    assert edit_url(moment) in own.get(moment.get_absolute_url()).text
    own.logout()
    assert edit_url(moment) not in client.get(moment.get_absolute_url()).text


def test_a_title_that_is_called_edit_has_a_page(client, make_moment):
    """The slug is decoration; below a moment's address some words are pages of their own."""
    moment = make_moment("1969-07-20", title="Edit")
    assert client.get(moment.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("status", [Status.REVOKED, Status.RELEASED])
def test_what_is_off_the_timeline_is_not_edited(own, make_moment, claimant, status):
    moment = make_moment("1969-07-20", user=claimant, status=status)
    assert own.post(edit_url(moment), WORDS).status_code == 404


def test_somebody_elses_is_none(client, moment, rival):
    client.force_login(rival)
    assert client.get(edit_url(moment)).status_code == 404
    assert client.post(edit_url(moment), WORDS).status_code == 404


def test_a_disputed_one_stays_as_it_is(own, claim, claimant):
    """Fault 25: frozen until the bank has decided."""
    held = claim("1969-07-20")
    type(held).objects.filter(pk=held.pk).update(status=Status.ACTIVE)
    type(held.order).objects.update(status=OrderStatus.DISPUTED)
    page = own.post(edit_url(held), WORDS)
    assert page.status_code == 409
    assert "disputed" in page.text
    held.refresh_from_db()
    assert held.title == "A small step"
