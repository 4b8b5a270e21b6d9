"""Pictures as personal data: exported with the moments, erased without a trace (edge case 14)."""

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
from tests.support.pictures import list_addresses, list_files
from timeline.models import Moment, Picture, Visibility
from timeline.services.pictures import storage

ALT = "Bilby before the burrow"


@pytest.fixture
def person(db) -> User:
    return User.objects.create_user("quokka@example.org", "quokka", "a perfectly long passphrase")


@pytest.fixture
def moment(person, make_pictured_moment) -> Moment:
    return make_pictured_moment(
        user=person, alt=ALT, visibility=Visibility.PRIVATE, title="The burrow"
    )


def erase(user):
    User.objects.filter(pk=user.pk).update(erase_after=timezone.now() - dt.timedelta(days=1))
    assert erasure.erase(user.pk)


def test_it_works(person, moment, make_pictured_moment, stranger):
    make_pictured_moment("1970-01-01", user=stranger)
    with zipfile.ZipFile(export.build_archive(person)) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("moments/pictures/")]
        with Image.open(io.BytesIO(archive.read(name))) as image:
            assert image.size == (400, 300)
        (data,) = json.loads(archive.read("moments/0001.json"))
    assert name == f"moments/pictures/{moment.public_id}.jpg"
    assert data["picture"]["alt"] == ALT


def test_waiting_picture_is_exported_as_waiting(person, moment):
    Picture.objects.update(state=Picture.State.WAITING)
    with zipfile.ZipFile(export.build_archive(person)) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".jpg")]
        assert json.loads(archive.read("moments/0001.json"))[0]["picture"]["state"] == "waiting"


def test_missing_file_does_not_stop_the_export(person, moment):
    storage.delete_folder(moment.picture.key)
    with zipfile.ZipFile(export.build_archive(person)) as archive:
        assert f"moments/pictures/{moment.public_id}.txt" in archive.namelist()
        assert "moments/0001.json" in archive.namelist()


def test_erasure_deletes_pictures_and_files(
    person, moment, picture_storage, client, django_capture_on_commit_callbacks
):
    address = list_addresses(moment.picture)[0]
    with django_capture_on_commit_callbacks(execute=True):
        erase(person)
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()
    assert client.get(address).status_code == 404


def test_erased_picture_with_undeleted_files_holds_no_text(person, moment, picture_storage):
    """If the storage fails or the process dies, no text is left, and no address of the files works."""
    erase(person)
    picture = Picture.objects.get()
    assert (picture.moment, picture.alt, picture.placeholder) == (None, "", "")
    assert list_files(picture_storage)


def test_erasure_keeps_pictures_of_others(
    person,
    moment,
    picture_storage,
    make_pictured_moment,
    stranger,
    django_capture_on_commit_callbacks,
):
    theirs = make_pictured_moment("1970-01-01", user=stranger).picture
    with django_capture_on_commit_callbacks(execute=True):
        erase(person)
    assert Picture.objects.get() == theirs
    assert {name.split("/")[0] for name in list_files(picture_storage)} == {theirs.key}
