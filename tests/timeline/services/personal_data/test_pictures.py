"""Pictures are personal: exported with the rest, erased without a trace; edge case 14."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile

import pytest
from django.utils import timezone
from PIL import Image

from accounts.models import User
from accounts.privacy import erasure, export
from tests.support.pictures import addresses, files
from timeline.models import Moment, Picture, Visibility
from timeline.services.pictures import storage

ALT = "Bilby before the burrow"


@pytest.fixture
def person(db) -> User:
    return User.objects.create_user("quokka@example.org", "quokka", "a perfectly long passphrase")


@pytest.fixture
def moment(person, pictured) -> Moment:
    return pictured(user=person, alt=ALT, visibility=Visibility.PRIVATE, title="The burrow")


def erase(user):
    User.objects.filter(pk=user.pk).update(erase_after=timezone.now() - dt.timedelta(days=1))
    assert erasure.erase(user.pk)


def test_it_works(person, moment, pictured, stranger):
    pictured("1970-01-01", user=stranger)
    with zipfile.ZipFile(export.build_archive(person)) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("moments/pictures/")]
        with Image.open(io.BytesIO(archive.read(name))) as image:
            assert image.size == (400, 300)
        (data,) = json.loads(archive.read("moments/0001.json"))
    assert name == f"moments/pictures/{moment.public_id}.jpg"
    assert data["picture"]["alt"] == ALT


def test_a_picture_that_is_not_there_yet_is_said_to_be_coming(person, moment):
    Picture.objects.update(state=Picture.State.WAITING)
    with zipfile.ZipFile(export.build_archive(person)) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".jpg")]
        assert json.loads(archive.read("moments/0001.json"))[0]["picture"]["state"] == "waiting"


def test_a_file_that_is_missing_does_not_keep_the_rest_back(person, moment):
    storage.delete_folder(moment.picture.key)
    with zipfile.ZipFile(export.build_archive(person)) as archive:
        assert f"moments/pictures/{moment.public_id}.txt" in archive.namelist()
        assert "moments/0001.json" in archive.namelist()


def test_nothing_is_left_when_the_person_is_erased(
    person, moment, kept, client, django_capture_on_commit_callbacks
):
    address = addresses(moment.picture)[0]
    with django_capture_on_commit_callbacks(execute=True):
        erase(person)
    assert not Picture.objects.exists()
    assert files(kept) == set()
    assert client.get(address).status_code == 404


def test_what_cannot_be_deleted_at_once_says_nothing_meanwhile(person, moment, kept):
    """The storage is away, or the process ends: no words are left, and no way to the files."""
    erase(person)
    picture = Picture.objects.get()
    assert (picture.moment, picture.alt, picture.placeholder) == (None, "", "")
    assert files(kept)


def test_others_pictures_stay(
    person, moment, kept, pictured, stranger, django_capture_on_commit_callbacks
):
    theirs = pictured("1970-01-01", user=stranger).picture
    with django_capture_on_commit_callbacks(execute=True):
        erase(person)
    assert Picture.objects.get() == theirs
    assert {name.split("/")[0] for name in files(kept)} == {theirs.key}
