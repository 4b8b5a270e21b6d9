"""The files of pictures: who may see them, and how long they may be cached."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import transaction

from tests.support.pictures import list_addresses
from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Picture, Status, Visibility
from timeline.services.pictures import storage


def set_visibility(moment, visibility):
    Moment.objects.filter(pk=moment.pk).update(visibility=visibility)
    return Moment.objects.select_related("picture").get(pk=moment.pk)


def test_it_works(client, make_pictured_moment):
    picture = make_pictured_moment().picture
    for address in list_addresses(picture):
        response = client.get(address)
        extension = address.rpartition(".")[2]
        assert (
            response["Content-Type"]
            == {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}[extension]
        )
        assert (
            response.content == storage.read(picture.get_storage_name(400, extension))
            or "/400." not in address
        )
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cache-Control"] == "public, max-age=2592000, s-maxage=86400, immutable"
        assert not response.cookies


def test_public_picture_never_reads_the_session(
    client, make_pictured_moment, owner, django_assert_num_queries
):
    """Edge case 16."""
    address = list_addresses(make_pictured_moment().picture)[0]
    as_nobody = client.get(address)
    client.force_login(owner)
    assert settings.SESSION_COOKIE_NAME in client.cookies
    with django_assert_num_queries(1):
        as_owner = client.get(address)
    assert as_owner.content == as_nobody.content
    assert as_owner["Cache-Control"] == as_nobody["Cache-Control"]
    assert "Cookie" not in as_owner.get("Vary", "")


def test_visibility_change_changes_the_addresses(client, make_pictured_moment, owner, stranger):
    """Edge case 15: old addresses are 404 for everybody, and work again with the old visibility."""
    moment = make_pictured_moment()
    public = list_addresses(moment.picture)
    unlisted = list_addresses(set_visibility(moment, Visibility.UNLISTED).picture)
    private = list_addresses(set_visibility(moment, Visibility.PRIVATE).picture)
    assert not {*public} & {*unlisted}
    assert not {*public, *unlisted} & {*private}
    for viewer in (None, stranger, owner):
        if viewer:
            client.force_login(viewer)
        for address in (*public, *unlisted):
            assert client.get(address).status_code == 404
        statuses = {client.get(address).status_code for address in private}
        assert statuses == ({200} if viewer == owner else {404})
    set_visibility(moment, Visibility.PUBLIC)
    client.logout()
    assert {client.get(address).status_code for address in public} == {200}


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.PRIVATE])
def test_picture_that_is_not_public_is_not_cached_for_others(
    client, make_pictured_moment, owner, visibility
):
    """Edge case 15 and edge case 16."""
    picture = make_pictured_moment(visibility=visibility).picture
    client.force_login(owner)
    response = client.get(list_addresses(picture)[0])
    assert response.status_code == 200
    assert response["Cache-Control"].startswith("private")


def test_private_picture_looks_like_a_missing_one(client, make_pictured_moment, stranger):
    """Edge case 15: the responses are identical."""
    picture = make_pictured_moment(visibility=Visibility.PRIVATE).picture
    missing = f"/pictures/{encode_id(random_id())}/{'0' * 32}/192.avif"
    client.force_login(stranger)
    private, absent = client.get(list_addresses(picture)[0]), client.get(missing)
    assert private.status_code == absent.status_code == 404
    assert private.content == absent.content


@pytest.mark.parametrize("status", [Status.REVOKED, Status.RELEASED])
def test_picture_of_a_revoked_moment_is_404_before_its_deletion(
    client, make_pictured_moment, owner, status
):
    moment = make_pictured_moment()
    Moment.objects.filter(pk=moment.pk).update(status=status)
    client.force_login(owner)
    assert client.get(list_addresses(moment.picture)[0]).status_code == 404


def test_invalid_address_is_404(client, make_pictured_moment, make_moment):
    picture = make_pictured_moment().picture
    good = list_addresses(picture)[0]
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


def test_waiting_picture_is_404(client, make_pictured_moment):
    picture = make_pictured_moment().picture
    Picture.objects.update(state=Picture.State.WAITING)
    assert client.get(list_addresses(picture)[0]).status_code == 404


def test_missing_file_is_404(client, make_pictured_moment):
    picture = make_pictured_moment().picture
    storage.delete_folder(picture.key)
    assert client.get(list_addresses(picture)[0]).status_code == 404


def test_unavailable_storage_is_503(client, make_pictured_moment, monkeypatch):
    address = list_addresses(make_pictured_moment().picture)[0]

    def fail(name):
        raise OSError("unavailable")

    monkeypatch.setattr(storage, "read", fail)
    response = client.get(address)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert response["Cache-Control"] == "private, no-store"


def test_unchanged_file_is_304(client, make_pictured_moment):
    address = list_addresses(make_pictured_moment().picture)[0]
    first = client.get(address)
    assert client.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_pictures_do_not_count_for_the_rate_limit(client, make_pictured_moment, settings):
    """A page with fifty thumbnails must not use up fifty of a person's 200 requests."""
    settings.RATE_LIMIT_PER_MINUTE = 5
    address = list_addresses(make_pictured_moment().picture)[0]
    for _ in range(10):
        response = client.get(address)
        assert response.status_code == 200
        assert "RateLimit-Limit" not in response


def test_reading_a_picture_writes_nothing(client, make_pictured_moment):
    address = list_addresses(make_pictured_moment().picture)[0]
    with transaction.atomic():
        before = Picture.objects.values().get()
        client.get(address)
        assert Picture.objects.values().get() == before
