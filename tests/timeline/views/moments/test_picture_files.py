"""The files of pictures: who gets them, and how long they may be kept."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import transaction

from tests.support.pictures import addresses
from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Picture, Status, Visibility
from timeline.services.pictures import storage


def with_visibility(moment, visibility):
    Moment.objects.filter(pk=moment.pk).update(visibility=visibility)
    return Moment.objects.select_related("picture").get(pk=moment.pk)


def test_it_works(client, pictured):
    picture = pictured().picture
    for address in addresses(picture):
        response = client.get(address)
        ending = address.rpartition(".")[2]
        assert (
            response["Content-Type"]
            == {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}[ending]
        )
        assert (
            response.content == storage.read(picture.get_storage_name(400, ending))
            or "/400." not in address
        )
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "public, max-age=2592000, s-maxage=86400, immutable"
        assert not response.cookies


def test_all_get_the_same_and_nobody_is_looked_up(
    client, pictured, owner, django_assert_num_queries
):
    """Edge case 16."""
    address = addresses(pictured().picture)[0]
    as_nobody = client.get(address)
    client.force_login(owner)
    assert settings.SESSION_COOKIE_NAME in client.cookies
    with django_assert_num_queries(1):
        as_owner = client.get(address)
    assert as_owner.content == as_nobody.content
    assert as_owner["Cache-Control"] == as_nobody["Cache-Control"]
    assert "Cookie" not in as_owner.get("Vary", "")


def test_with_another_visibility_it_has_other_addresses(client, pictured, owner, stranger):
    """Edge case 15: at the old ones there is nothing, whoever asks; back again, they are right again."""
    moment = pictured()
    public = addresses(moment.picture)
    unlisted = addresses(with_visibility(moment, Visibility.UNLISTED).picture)
    private = addresses(with_visibility(moment, Visibility.PRIVATE).picture)
    assert not {*public} & {*unlisted}
    assert not {*public, *unlisted} & {*private}
    for viewer in (None, stranger, owner):
        if viewer:
            client.force_login(viewer)
        for address in (*public, *unlisted):
            assert client.get(address).status_code == 404
        statuses = {client.get(address).status_code for address in private}
        assert statuses == ({200} if viewer == owner else {404})
    with_visibility(moment, Visibility.PUBLIC)
    client.logout()
    assert {client.get(address).status_code for address in public} == {200}


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.PRIVATE])
def test_what_is_not_public_is_kept_by_nobody_for_others(client, pictured, owner, visibility):
    """Edge case 15 and edge case 16."""
    picture = pictured(visibility=visibility).picture
    client.force_login(owner)
    response = client.get(addresses(picture)[0])
    assert response.status_code == 200
    assert response["Cache-Control"].startswith("private")


def test_a_private_one_is_like_none(client, pictured, stranger):
    """Edge case 15: word for word."""
    picture = pictured(visibility=Visibility.PRIVATE).picture
    missing = f"/pictures/{encode_id(random_id())}/{'0' * 32}/192.avif"
    client.force_login(stranger)
    hidden, none = client.get(addresses(picture)[0]), client.get(missing)
    assert hidden.status_code == none.status_code == 404
    assert hidden.content == none.content


@pytest.mark.parametrize("status", [Status.REVOKED, Status.RELEASED])
def test_what_is_not_on_the_timeline_shows_nothing_not_even_before_it_is_deleted(
    client, pictured, owner, status
):
    moment = pictured()
    Moment.objects.filter(pk=moment.pk).update(status=status)
    client.force_login(owner)
    assert client.get(addresses(moment.picture)[0]).status_code == 404


def test_what_is_no_address_is_404(client, pictured, make_moment):
    picture = pictured().picture
    good = addresses(picture)[0]
    other = make_moment("1969-07-21")
    for address in (
        good.replace(picture.token, "0" * 32), good.replace(picture.moment.public_id, other.public_id),
        good.replace("/192.", "/193."), good.replace(".avif", ".png"), good.replace(".avif", ".svg"),
        good.replace("/192.avif", "/source"), good.replace("/192.avif", "/0.avif"),
        good.replace("/192.", "/99999999999999999999."), f"{good}/", good.replace(".avif", ".avif.html"),
        good.replace(picture.token, picture.key), good.replace(picture.token, "%2e%2e"),
    ):  # fmt: skip
        assert client.get(address).status_code == 404, address
    assert client.get(good).status_code == 200


def test_one_that_is_not_made_yet_has_no_files(client, pictured):
    picture = pictured().picture
    Picture.objects.update(state=Picture.State.WAITING)
    assert client.get(addresses(picture)[0]).status_code == 404


def test_a_file_that_is_missing_is_404(client, pictured):
    picture = pictured().picture
    storage.delete_folder(picture.key)
    assert client.get(addresses(picture)[0]).status_code == 404


def test_a_storage_that_is_away_asks_for_patience(client, pictured, monkeypatch):
    address = addresses(pictured().picture)[0]

    def away(name):
        raise OSError("away")

    monkeypatch.setattr(storage, "read", away)
    response = client.get(address)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert response["Cache-Control"] == "private, no-store"


def test_an_unchanged_file_is_304(client, pictured):
    address = addresses(pictured().picture)[0]
    first = client.get(address)
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_a_page_of_pictures_does_not_use_up_the_limit(client, pictured, settings):
    """Fifty small pictures are not fifty requests of a person's 200."""
    settings.RATE_LIMIT_PER_MINUTE = 5
    address = addresses(pictured().picture)[0]
    for _ in range(10):
        response = client.get(address)
        assert response.status_code == 200
        assert "RateLimit-Limit" not in response


def test_nothing_is_written_to_read_one(client, pictured):
    address = addresses(pictured().picture)[0]
    with transaction.atomic():
        before = Picture.objects.values().get()
        client.get(address)
        assert Picture.objects.values().get() == before
