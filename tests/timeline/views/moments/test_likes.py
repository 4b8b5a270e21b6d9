"""The form for likes, with and without scripts."""

from __future__ import annotations

import pytest
from django.test import Client

from timeline.core.public_ids import encode_id, random_id
from timeline.models import Like, Moment, Status, Visibility

pytestmark = pytest.mark.django_db
SCRIPT = {"Accept": "application/json"}


def like_url(moment: Moment) -> str:
    return f"/moments/{moment.public_id}/like/"


def test_it_works(client, make_moment, stranger):
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    page = client.get(moment.get_absolute_url())
    assert 'name="like" value="yes"' in page.text
    assert 'aria-pressed="false"' in page.text
    response = client.post(like_url(moment), {"like": "yes"})
    assert (response.status_code, response["Location"]) == (
        303, f"{moment.get_absolute_url()}#likes",
    )  # fmt: skip
    page = client.get(moment.get_absolute_url())
    assert 'name="like" value="no"' in page.text
    assert 'aria-pressed="true"' in page.text
    assert "<span data-likes>1</span> <span data-likes-label>person likes</span>" in page.text  # fmt: skip
    client.post(like_url(moment), {"like": "no"})
    assert "<span data-likes>0</span>" in client.get(moment.get_absolute_url()).text


def test_double_click_is_one_like(client, make_moment, stranger):
    """Edge case 25."""
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    for _ in range(2):
        assert client.post(like_url(moment), {"like": "yes"}).status_code == 303
    assert Like.objects.count() == 1


def test_script_gets_json(client, make_moment, stranger):
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    response = client.post(like_url(moment), {"like": "yes"}, headers=SCRIPT)
    assert response.json() == {"ok": True, "data": {"liked": True, "likes": 1}}
    response = client.post(like_url(moment), {"like": "no"}, headers=SCRIPT)
    assert response.json() == {"ok": True, "data": {"liked": False, "likes": 0}}


@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_only_post_is_allowed(client, make_moment, stranger, method):
    """Edge case 25: a browser that prefetches links must not like anything."""
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    assert getattr(client, method)(f"{like_url(moment)}?like=yes").status_code == 405
    assert not Like.objects.exists()


def test_csrf_token_is_required(make_moment, stranger):
    client = Client(enforce_csrf_checks=True)
    client.force_login(stranger)
    moment = make_moment("1969-07-20")
    assert client.post(like_url(moment), {"like": "yes"}).status_code == 403
    assert not Like.objects.exists()


@pytest.mark.parametrize("value", [{}, {"like": ""}, {"like": "maybe"}, {"like": "\ud800"}])
def test_invalid_value_is_400(client, make_moment, stranger, value):
    client.force_login(stranger)
    moment = make_moment("1969-07-20")
    value = {name: text.encode(errors="replace").decode() for name, text in value.items()}
    assert client.post(like_url(moment), value).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [{"visibility": Visibility.PRIVATE}, {"status": Status.REVOKED}, {"status": Status.RELEASED}],
)
def test_invisible_moment_is_404(client, make_moment, stranger, fields):
    """Edge case 25, edge case 15: the response equals that for a moment that does not exist."""
    moment = make_moment("1969-07-20", **fields)
    client.force_login(stranger)
    response = client.post(like_url(moment), {"like": "yes"})
    missing = client.post(f"/moments/{encode_id(random_id())}/like/", {"like": "yes"})
    assert response.status_code == missing.status_code == 404
    assert response.content == missing.content
    assert not Like.objects.exists()


def test_unlisted_moment_can_be_liked(client, make_moment, stranger):
    moment = make_moment("1969-07-20", visibility=Visibility.UNLISTED)
    client.force_login(stranger)
    assert client.post(like_url(moment), {"like": "yes"}).status_code == 303


def test_own_moment_cannot_be_liked(client, make_moment, owner):
    moment = make_moment("1969-07-20")
    client.force_login(owner)
    assert client.post(like_url(moment), {"like": "yes"}).status_code == 303
    assert not Like.objects.exists()


@pytest.mark.parametrize("visibility", [*Visibility, None])
def test_anonymous_visitor_is_redirected_to_login_for_any_moment(client, make_moment, visibility):
    moment = make_moment("1969-07-20", visibility=visibility or Visibility.PUBLIC)
    pk = moment.public_id if visibility else encode_id(random_id())
    response = client.post(f"/moments/{pk}/like/", {"like": "yes"})
    assert response["Location"] == f"/accounts/login/?next=/moments/{pk}/"
    assert not Like.objects.exists()


def test_anonymous_visitor_sees_the_count_but_no_form(client, make_moment):
    """Edge case 16: the page is the same for all visitors, so it has no CSRF token."""
    moment = make_moment("1969-07-20")
    page = client.get(moment.get_absolute_url())
    assert page["Cache-Control"].startswith("public")
    assert "<span data-likes>0</span>" in page.text
    assert f"/accounts/login/?next={moment.get_absolute_url()}" in page.text
    assert "csrf" not in page.text.lower()
    assert "like.js" not in page.text


def test_page_of_a_logged_in_person_is_not_cached(client, make_moment, stranger):
    moment = make_moment("1969-07-20")
    client.force_login(stranger)
    page = client.get(moment.get_absolute_url())
    assert page["Cache-Control"] == "private, no-store"
    assert "csrfmiddlewaretoken" in page.text


def test_moment_titled_like_has_a_page(client, make_moment):
    """A title never changes which view handles the moment's address."""
    moment = make_moment("1969-07-20", title="Like")
    assert client.get(moment.get_absolute_url()).status_code == 200
