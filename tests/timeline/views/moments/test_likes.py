"""Liking by form, with and without scripts."""

from __future__ import annotations

import pytest
from django.test import Client

from timeline.core.public_ids import encode_id, random_id
from timeline.models import Like, Moment, Status, Visibility

pytestmark = pytest.mark.django_db
SCRIPT = {"Accept": "application/json"}


def address_of(moment: Moment) -> str:
    return f"/moments/{moment.public_id}/like/"


def test_it_works(client, make_moment, stranger):
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    page = client.get(moment.get_absolute_url())
    assert 'name="like" value="yes"' in page.text
    assert 'aria-pressed="false"' in page.text
    response = client.post(address_of(moment), {"like": "yes"})
    assert (response.status_code, response["Location"]) == (
        303, f"{moment.get_absolute_url()}#likes",
    )  # fmt: skip
    page = client.get(moment.get_absolute_url())
    assert 'name="like" value="no"' in page.text
    assert 'aria-pressed="true"' in page.text
    assert "<span data-likes>1</span> <span data-likes-words>person likes</span>" in page.text  # fmt: skip
    client.post(address_of(moment), {"like": "no"})
    assert "<span data-likes>0</span>" in client.get(moment.get_absolute_url()).text


def test_a_double_click_is_one_like(client, make_moment, stranger):
    """Edge case 25."""
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    for _ in range(2):
        assert client.post(address_of(moment), {"like": "yes"}).status_code == 303
    assert Like.objects.count() == 1


def test_a_script_gets_json(client, make_moment, stranger):
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    response = client.post(address_of(moment), {"like": "yes"}, headers=SCRIPT)
    assert response.json() == {"ok": True, "data": {"liked": True, "likes": 1}}
    response = client.post(address_of(moment), {"like": "no"}, headers=SCRIPT)
    assert response.json() == {"ok": True, "data": {"liked": False, "likes": 0}}


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_nothing_but_post_does_anything(client, make_moment, stranger, method):
    """Edge case 25: a browser that fetches ahead likes nothing."""
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    assert getattr(client, method)(f"{address_of(moment)}?like=yes").status_code == 405
    assert not Like.objects.exists()


def test_it_needs_the_forms_token(make_moment, stranger):
    client = Client(enforce_csrf_checks=True)
    client.force_login(stranger)
    moment = make_moment("1969-07-20")
    assert client.post(address_of(moment), {"like": "yes"}).status_code == 403
    assert not Like.objects.exists()


@pytest.mark.parametrize("value", [{}, {"like": ""}, {"like": "maybe"}, {"like": "\ud800"}])
def test_what_it_does_not_understand_is_400(client, make_moment, stranger, value):
    client.force_login(stranger)
    moment = make_moment("1969-07-20")
    value = {name: text.encode(errors="replace").decode() for name, text in value.items()}
    assert client.post(address_of(moment), value).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [{"visibility": Visibility.PRIVATE}, {"status": Status.REVOKED}, {"status": Status.RELEASED}],
)
def test_what_one_cannot_see_is_404(client, make_moment, stranger, fields):
    """Edge case 25, edge case 15: word for word like what does not exist."""
    moment = make_moment("1969-07-20", **fields)
    client.force_login(stranger)
    response = client.post(address_of(moment), {"like": "yes"})
    missing = client.post(f"/moments/{encode_id(random_id())}/like/", {"like": "yes"})
    assert response.status_code == missing.status_code == 404
    assert response.content == missing.content
    assert not Like.objects.exists()


def test_who_has_an_unlisted_ones_address_may_like_it(client, make_moment, stranger):
    moment = make_moment("1969-07-20", visibility=Visibility.UNLISTED)
    client.force_login(stranger)
    assert client.post(address_of(moment), {"like": "yes"}).status_code == 303


def test_ones_own_is_not_liked(client, make_moment, owner):
    moment = make_moment("1969-07-20")
    client.force_login(owner)
    assert client.post(address_of(moment), {"like": "yes"}).status_code == 303
    assert not Like.objects.exists()


@pytest.mark.parametrize("visibility", [*Visibility, None])
def test_a_visitor_is_sent_to_log_in_whatever_the_moment(client, make_moment, visibility):
    moment = make_moment("1969-07-20", visibility=visibility or Visibility.PUBLIC)
    pk = moment.public_id if visibility else encode_id(random_id())
    response = client.post(f"/moments/{pk}/like/", {"like": "yes"})
    assert response["Location"] == f"/accounts/login/?next=/moments/{pk}/"
    assert not Like.objects.exists()


def test_visitors_see_the_count_and_no_form(client, make_moment):
    """Edge case 16: the page is the same for all, so it has no token."""
    moment = make_moment("1969-07-20")
    page = client.get(moment.get_absolute_url())
    assert page["Cache-Control"].startswith("public")
    assert "<span data-likes>0</span>" in page.text
    assert f"/accounts/login/?next={moment.get_absolute_url()}" in page.text
    assert "csrf" not in page.text.lower()
    assert "like.js" not in page.text


def test_a_signed_in_visitors_page_is_nobody_elses(client, make_moment, stranger):
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    page = client.get(moment.get_absolute_url())
    assert page["Cache-Control"] == "private, no-store"
    assert "csrfmiddlewaretoken" in page.text


def test_a_title_may_be_like(client, make_moment):
    """The words of a title never lead to another page than the moment's."""
    moment = make_moment("1969-07-20", title="Like")
    assert client.get(moment.get_absolute_url()).status_code == 200
