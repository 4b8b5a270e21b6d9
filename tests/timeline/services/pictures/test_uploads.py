"""A picture from upload to deletion."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from tests.support.picture_samples import CANARY, exif, halves, png, saved
from tests.support.pictures import addresses, files
from timeline.core.exceptions import PictureRefused
from timeline.core.picture_formats import CONTENT_TYPES
from timeline.models import Moment, Order, OrderStatus, Picture
from timeline.services import placement, transitions
from timeline.services.pictures import deletion, processing, storage, uploads

pytestmark = pytest.mark.django_db


def waiting_since(picture, **ago):
    Picture.objects.filter(pk=picture.pk).update(uploaded_at=timezone.now() - dt.timedelta(**ago))


@pytest.fixture
def waiting(kept, make_moment):
    """A moment whose picture is not made yet: its transaction has not committed."""
    moment = make_moment("1969-07-20")
    uploads.set_picture(moment, io.BytesIO(saved(halves())), "Two halves")
    return Picture.objects.get(moment=moment)


def test_it_works(kept, pictured):
    moment = pictured(content=saved(halves(800, 600)), alt="Two halves")
    picture = moment.picture
    assert picture.is_ready
    assert (picture.width, picture.height, picture.alt) == (800, 600, "Two halves")
    assert files(kept) == {
        picture.get_storage_name(width, ending)
        for width in (192, 384, 640, 800)
        for ending in CONTENT_TYPES
    }


def test_what_was_uploaded_is_not_kept(kept, pictured):
    """Edge case 21: nor is anything of it but its pixels."""
    pictured(content=saved(halves(), exif=exif()))
    for name in files(kept):
        assert not name.endswith("source")
        assert CANARY not in storage.read(name)


def test_what_cannot_be_read_is_refused_and_not_kept(kept, pictured):
    """Edge case 20: a bomb, and a file that is cut off."""
    for start, content, words in (
        ("1969-07-20", png(50_000, 50_000), "too many pixels"),
        ("1969-07-21", saved(halves())[:900], "damaged"),
    ):
        picture = pictured(start, content=content).picture
        assert picture.state == Picture.State.REFUSED
        assert words in picture.problem
    assert files(kept) == set()


def test_another_takes_its_place(kept, pictured, django_capture_on_commit_callbacks):
    moment = pictured()
    old = moment.picture
    with django_capture_on_commit_callbacks(execute=True):
        uploads.set_picture(moment, io.BytesIO(saved(halves(300, 300))), "Another")
    picture = Picture.objects.get()
    assert (picture.moment_id, picture.height, picture.alt) == (moment.pk, 300, "Another")
    assert picture.key != old.key
    assert {name.split("/")[0] for name in files(kept)} == {picture.key}


def test_it_is_taken_off_with_all_its_files(kept, pictured, django_capture_on_commit_callbacks):
    moment = pictured()
    with django_capture_on_commit_callbacks(execute=True):
        uploads.remove_picture(moment)
    assert not Picture.objects.exists()
    assert files(kept) == set()
    assert not any(kept.listdir(""))


def test_a_revoked_moments_files_are_deleted(
    kept, pictured, client, django_capture_on_commit_callbacks
):
    """Edge case 14."""
    moment = pictured()
    address = addresses(moment.picture)[0]
    assert client.get(address).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        transitions.revoke(moment, "a test")
    assert not Picture.objects.exists()
    assert files(kept) == set()
    assert client.get(address).status_code == 404


def test_a_deleted_moments_files_are_deleted_later(kept, pictured):
    moment = pictured()
    placement.delete_moments(Moment.objects.filter(pk=moment.pk))
    picture = Picture.objects.get(moment=None)
    waiting_since(picture, hours=2)
    call_command("process_pictures", verbosity=0)
    assert not Picture.objects.exists()
    assert files(kept) == set()


def test_nothing_is_let_go_by_what_is_undone(kept, pictured, django_capture_on_commit_callbacks):
    moment = pictured()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        uploads.remove_picture(moment)
        transaction.set_rollback(True)
    assert Picture.objects.get(moment=moment).is_ready
    assert files(kept)


def test_what_the_task_did_not_do_is_done_later(kept, waiting):
    assert not waiting.is_ready
    call_command("process_pictures", verbosity=0)
    waiting.refresh_from_db()
    assert waiting.is_ready


def test_what_was_let_go_and_not_deleted_is_deleted_later(kept, waiting):
    deletion.detach(Picture.objects.filter(pk=waiting.pk))
    assert files(kept) == {f"{waiting.key}/source"}
    assert deletion.delete_detached_pictures() == 0  # it may be an upload that has no moment yet
    waiting_since(waiting, hours=2)
    assert deletion.delete_detached_pictures() == 1
    assert files(kept) == set()


def test_one_that_was_let_go_while_it_was_made_leaves_nothing(kept, waiting, monkeypatch):
    made = processing._create_files

    def remove_meanwhile(picture):
        deletion.detach(Picture.objects.filter(pk=picture.pk))
        assert not deletion.delete_picture(picture.pk)  # not while its files are being written
        return made(picture)

    monkeypatch.setattr(processing, "_create_files", remove_meanwhile)
    assert not processing.process_picture(waiting.pk)
    assert not Picture.objects.exists()
    assert files(kept) == set()


def test_two_workers_do_not_make_one_picture(waiting, monkeypatch):
    made = processing._create_files
    second = []

    def make_meanwhile(picture):
        second.append(processing.process_picture(picture.pk))
        return made(picture)

    monkeypatch.setattr(processing, "_create_files", make_meanwhile)
    assert processing.process_picture(waiting.pk)
    assert second == [False]
    assert not processing.process_picture(waiting.pk)


def test_a_worker_that_died_holds_it_for_some_minutes(waiting):
    Picture.objects.filter(pk=waiting.pk).update(
        processing_started_at=timezone.now() - dt.timedelta(minutes=4)
    )
    assert not processing.process_picture(waiting.pk)
    Picture.objects.filter(pk=waiting.pk).update(
        processing_started_at=timezone.now() - dt.timedelta(minutes=6)
    )
    assert processing.process_picture(waiting.pk)


def test_a_storage_that_is_away_is_tried_again(kept, waiting, monkeypatch):
    def away(name):
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "read", away)
        for _ in range(processing.MAX_ATTEMPTS - 1):
            assert not processing.process_picture(waiting.pk)
    assert processing.process_picture(waiting.pk)


def test_but_not_for_ever(waiting, monkeypatch):
    def away(name):
        raise OSError("away")

    monkeypatch.setattr(storage, "read", away)
    for _ in range(processing.MAX_ATTEMPTS):
        processing.process_picture(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == Picture.State.REFUSED
    assert waiting.problem == processing.FAILED_MESSAGE


def test_an_encoder_that_is_killed_ends_nothing_else(waiting, monkeypatch):
    """Edge case 20: whatever a picture does to its decoder."""
    monkeypatch.setattr(processing, "ENCODER", ["-c", "import os; os.kill(os.getpid(), 11)"])
    assert not processing.process_picture(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.problem) == (
        Picture.State.REFUSED,
        processing.TOO_COMPLEX_MESSAGE,
    )


def test_an_encoder_that_takes_too_long_is_stopped(waiting, monkeypatch):
    """Edge case 20."""
    monkeypatch.setattr(processing, "ENCODER", ["-c", "import time; time.sleep(600)"])
    monkeypatch.setattr(processing, "TIMEOUT_SECONDS", 0.5)
    assert not processing.process_picture(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.problem == processing.TOO_COMPLEX_MESSAGE


def test_what_is_not_on_the_timeline_takes_none(kept, make_moment):
    moment = make_moment("1969-07-20")
    transitions.revoke(moment, "a test")
    for change in (
        lambda: uploads.set_picture(moment, io.BytesIO(saved(halves())), ""),
        lambda: uploads.set_description(moment, ""),
        lambda: uploads.remove_picture(moment),
    ):
        with pytest.raises(PictureRefused):
            change()
    Picture.objects.update(uploaded_at=timezone.now() - dt.timedelta(hours=2))
    deletion.delete_detached_pictures()
    assert files(kept) == set()


def test_a_change_of_the_picture_changes_the_moment(
    pictured, make_moment, django_capture_on_commit_callbacks
):
    """Feeds and copies of pages see that there is something new."""
    moment = pictured()
    for change in (
        lambda: uploads.set_description(moment, "New words"),
        lambda: uploads.remove_picture(moment),
    ):
        before = Moment.objects.get(pk=moment.pk).changed_at
        with django_capture_on_commit_callbacks(execute=True):
            change()
        assert Moment.objects.get(pk=moment.pk).changed_at >= before
    assert Moment.objects.get(pk=moment.pk).changed_at > moment.created_at


def test_while_its_payment_is_disputed_it_stays(kept, pictured):
    """Fault 25: frozen until the bank has decided."""
    moment = pictured(content=saved(halves()))
    Order.objects.create(
        user=moment.user, moment=moment, currency="eur", amount=500, status=OrderStatus.DISPUTED
    )
    with pytest.raises(PictureRefused, match="disputed"):
        uploads.remove_picture(moment)
    assert Picture.objects.filter(moment=moment).exists()
