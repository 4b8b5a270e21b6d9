"""Editing one's own moment, but never its time."""

from __future__ import annotations

import pytest
from django.urls import reverse

from timeline.models import MomentRevision, OrderStatus, Status

pytestmark = pytest.mark.django_db

DETAILS = {
    "title": "After",
    "story": "New",
    "place": "Moon",
    "tags": "moon",
    "visibility": "unlisted",
}


@pytest.fixture
def moment(make_tagged_moment, claimant):
    return make_tagged_moment(
        "1969-07-20T20:17:40Z", "apollo", user=claimant, title="Before", story="Old"
    )


@pytest.fixture
def owner_client(client, claimant):
    client.force_login(claimant)
    return client


def edit_url(moment):
    return reverse("timeline:moment-edit", args=[moment.pk])


def test_it_works(owner_client, moment):
    page = owner_client.get(edit_url(moment))
    assert page.status_code == 200
    assert 'value="Before"' in page.text
    assert 'name="starts_at"' not in page.text
    response = owner_client.post(edit_url(moment), DETAILS)
    assert response.status_code == 303
    assert response["Location"].endswith("/after/")
    starts_at = moment.starts_at
    moment.refresh_from_db()
    assert (moment.title, moment.visibility, moment.starts_at) == ("After", "unlisted", starts_at)


def test_earlier_version_is_visible_to_the_owner_only(owner_client, moment, client, rival):
    owner_client.post(edit_url(moment), DETAILS)
    page = owner_client.get(edit_url(moment)).text
    assert "What it said before" in page
    assert "Before" in page
    assert "apollo" in page
    revision = MomentRevision.objects.get()
    assert (revision.title, revision.story, revision.tags) == ("Before", "Old", "apollo")
    client.force_login(rival)
    assert "Before" not in client.get(moment.get_absolute_url(), follow=True).text


def test_invalid_details_change_nothing(owner_client, moment):
    page = owner_client.post(edit_url(moment), DETAILS | {"title": ""})
    assert page.status_code == 400
    assert "Give it a title" in page.text
    assert not MomentRevision.objects.exists()


def test_only_the_owner_sees_the_edit_link(owner_client, moment, client):
    assert edit_url(moment) in owner_client.get(moment.get_absolute_url()).text
    owner_client.logout()
    assert edit_url(moment) not in client.get(moment.get_absolute_url()).text


def test_moment_titled_edit_has_a_page(client, make_moment):
    """The slug “edit” must not be mistaken for the address of the edit page."""
    moment = make_moment("1969-07-20", title="Edit")
    assert client.get(moment.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("status", [Status.REVOKED, Status.RELEASED])
def test_edit_is_refused_after_revocation(owner_client, make_moment, claimant, status):
    moment = make_moment("1969-07-20", user=claimant, status=status)
    assert owner_client.post(edit_url(moment), DETAILS).status_code == 404


def test_moment_of_somebody_else_is_404(client, moment, rival):
    client.force_login(rival)
    assert client.get(edit_url(moment)).status_code == 404
    assert client.post(edit_url(moment), DETAILS).status_code == 404


def test_edit_is_refused_during_a_dispute(owner_client, claim, claimant):
    """Fault 25: nothing can change until the bank has decided."""
    held = claim("1969-07-20")
    type(held).objects.filter(pk=held.pk).update(status=Status.ACTIVE)
    type(held.order).objects.update(status=OrderStatus.DISPUTED)
    page = owner_client.post(edit_url(held), DETAILS)
    assert page.status_code == 409
    assert "disputed" in page.text
    held.refresh_from_db()
    assert held.title == "A small step"
