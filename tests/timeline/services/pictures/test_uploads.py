"""Pictures from upload to deletion."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from tests.support.picture_samples import CANARY, build_exif, build_picture, build_png, encode_image
from tests.support.pictures import list_addresses, list_files
from timeline.core.exceptions import PictureRefused
from timeline.core.picture_formats import CONTENT_TYPES
from timeline.models import Moment, Order, OrderStatus, Picture
from timeline.services import placement, transitions
from timeline.services.pictures import deletion, processing, storage, uploads

pytestmark = pytest.mark.django_db


def set_uploaded_ago(picture, **ago):
    Picture.objects.filter(pk=picture.pk).update(uploaded_at=timezone.now() - dt.timedelta(**ago))


@pytest.fixture
def waiting(picture_storage, make_moment):
    """A picture that is not processed yet: the transaction has not committed, so the task has not run."""
    moment = make_moment("1969-07-20")
    uploads.set_picture(moment, io.BytesIO(encode_image(build_picture())), "Two halves")
    return Picture.objects.get(moment=moment)


def test_it_works(picture_storage, make_pictured_moment):
    moment = make_pictured_moment(content=encode_image(build_picture(800, 600)), alt="Two halves")
    picture = moment.picture
    assert picture.is_ready
    assert (picture.width, picture.height, picture.alt) == (800, 600, "Two halves")
    assert list_files(picture_storage) == {
        picture.get_storage_name(width, extension)
        for width in (192, 384, 640, 800)
        for extension in CONTENT_TYPES
    }


def test_original_is_deleted(picture_storage, make_pictured_moment):
    """Edge case 21: nothing of the original is stored except its pixels."""
    make_pictured_moment(content=encode_image(build_picture(), exif=build_exif()))
    for name in list_files(picture_storage):
        assert not name.endswith("source")
        assert CANARY not in storage.read(name)


def test_unreadable_file_is_refused_and_deleted(picture_storage, make_pictured_moment):
    """Edge case 20: a decompression bomb, and a truncated file."""
    for start, content, message in (
        ("1969-07-20", build_png(50_000, 50_000), "too many pixels"),
        ("1969-07-21", encode_image(build_picture())[:900], "damaged"),
    ):
        picture = make_pictured_moment(start, content=content).picture
        assert picture.state == Picture.State.REFUSED
        assert message in picture.problem
    assert list_files(picture_storage) == set()


def test_new_picture_replaces_the_old_one(
    picture_storage, make_pictured_moment, django_capture_on_commit_callbacks
):
    moment = make_pictured_moment()
    old = moment.picture
    with django_capture_on_commit_callbacks(execute=True):
        uploads.set_picture(moment, io.BytesIO(encode_image(build_picture(300, 300))), "Another")
    picture = Picture.objects.get()
    assert (picture.moment_id, picture.height, picture.alt) == (moment.pk, 300, "Another")
    assert picture.key != old.key
    assert {name.split("/")[0] for name in list_files(picture_storage)} == {picture.key}


def test_removed_picture_is_deleted_with_all_files(
    picture_storage, make_pictured_moment, django_capture_on_commit_callbacks
):
    moment = make_pictured_moment()
    with django_capture_on_commit_callbacks(execute=True):
        uploads.remove_picture(moment)
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()
    assert not any(picture_storage.listdir(""))


def test_files_of_a_revoked_moment_are_deleted(
    picture_storage, make_pictured_moment, client, django_capture_on_commit_callbacks
):
    """Edge case 14."""
    moment = make_pictured_moment()
    address = list_addresses(moment.picture)[0]
    assert client.get(address).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        transitions.revoke(moment, "a test")
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()
    assert client.get(address).status_code == 404


def test_files_of_a_deleted_moment_are_deleted_later(picture_storage, make_pictured_moment):
    moment = make_pictured_moment()
    placement.delete_moments(Moment.objects.filter(pk=moment.pk))
    picture = Picture.objects.get(moment=None)
    set_uploaded_ago(picture, hours=2)
    call_command("process_pictures", verbosity=0)
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()


def test_rolled_back_removal_keeps_the_picture(
    picture_storage, make_pictured_moment, django_capture_on_commit_callbacks
):
    moment = make_pictured_moment()
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        uploads.remove_picture(moment)
        transaction.set_rollback(True)
    assert Picture.objects.get(moment=moment).is_ready
    assert list_files(picture_storage)


def test_command_processes_waiting_pictures(picture_storage, waiting):
    assert not waiting.is_ready
    call_command("process_pictures", verbosity=0)
    waiting.refresh_from_db()
    assert waiting.is_ready


def test_detached_picture_is_deleted_later(picture_storage, waiting):
    deletion.detach(Picture.objects.filter(pk=waiting.pk))
    assert list_files(picture_storage) == {f"{waiting.key}/source"}
    assert (
        deletion.delete_detached_pictures() == 0
    )  # it may be an upload whose moment is not set yet
    set_uploaded_ago(waiting, hours=2)
    assert deletion.delete_detached_pictures() == 1
    assert list_files(picture_storage) == set()


def test_picture_detached_during_processing_leaves_no_files(picture_storage, waiting, monkeypatch):
    create_files = processing._create_files

    def remove_meanwhile(picture):
        deletion.detach(Picture.objects.filter(pk=picture.pk))
        assert not deletion.delete_picture(picture.pk)  # a worker is still writing files
        return create_files(picture)

    monkeypatch.setattr(processing, "_create_files", remove_meanwhile)
    assert not processing.process_picture(waiting.pk)
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()


def test_two_workers_do_not_process_the_same_picture(waiting, monkeypatch):
    create_files = processing._create_files
    results = []

    def make_meanwhile(picture):
        results.append(processing.process_picture(picture.pk))
        return create_files(picture)

    monkeypatch.setattr(processing, "_create_files", make_meanwhile)
    assert processing.process_picture(waiting.pk)
    assert results == [False]
    assert not processing.process_picture(waiting.pk)


def test_dead_worker_blocks_a_picture_for_the_lease_time_only(waiting):
    Picture.objects.filter(pk=waiting.pk).update(
        processing_started_at=timezone.now() - dt.timedelta(minutes=4)
    )
    assert not processing.process_picture(waiting.pk)
    Picture.objects.filter(pk=waiting.pk).update(
        processing_started_at=timezone.now() - dt.timedelta(minutes=6)
    )
    assert processing.process_picture(waiting.pk)


def test_processing_is_retried_while_storage_is_unavailable(picture_storage, waiting, monkeypatch):
    def fail(name):
        raise OSError("unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "read", fail)
        for _ in range(processing.MAX_ATTEMPTS - 1):
            assert not processing.process_picture(waiting.pk)
    assert processing.process_picture(waiting.pk)


def test_retries_are_limited(waiting, monkeypatch):
    def fail(name):
        raise OSError("unavailable")

    monkeypatch.setattr(storage, "read", fail)
    for _ in range(processing.MAX_ATTEMPTS):
        processing.process_picture(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.state == Picture.State.REFUSED
    assert waiting.problem == processing.FAILED_MESSAGE


def test_crashed_encoder_refuses_the_picture(waiting, monkeypatch):
    """Edge case 20: a picture that crashes its decoder affects nothing else."""
    monkeypatch.setattr(processing, "ENCODER", ["-c", "import os; os.kill(os.getpid(), 11)"])
    assert not processing.process_picture(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.problem) == (
        Picture.State.REFUSED,
        processing.TOO_COMPLEX_MESSAGE,
    )


def test_slow_encoder_is_stopped(waiting, monkeypatch):
    """Edge case 20."""
    monkeypatch.setattr(processing, "ENCODER", ["-c", "import time; time.sleep(600)"])
    monkeypatch.setattr(processing, "TIMEOUT_SECONDS", 0.5)
    assert not processing.process_picture(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.problem == processing.TOO_COMPLEX_MESSAGE


def test_revoked_moment_accepts_no_picture_changes(picture_storage, make_moment):
    moment = make_moment("1969-07-20")
    transitions.revoke(moment, "a test")
    for change in (
        lambda: uploads.set_picture(moment, io.BytesIO(encode_image(build_picture())), ""),
        lambda: uploads.set_description(moment, ""),
        lambda: uploads.remove_picture(moment),
    ):
        with pytest.raises(PictureRefused):
            change()
    Picture.objects.update(uploaded_at=timezone.now() - dt.timedelta(hours=2))
    deletion.delete_detached_pictures()
    assert list_files(picture_storage) == set()


def test_picture_change_marks_the_moment_as_changed(
    make_pictured_moment, make_moment, django_capture_on_commit_callbacks
):
    """Feeds and cached pages are renewed."""
    moment = make_pictured_moment()
    for change in (
        lambda: uploads.set_description(moment, "New words"),
        lambda: uploads.remove_picture(moment),
    ):
        before = Moment.objects.get(pk=moment.pk).changed_at
        with django_capture_on_commit_callbacks(execute=True):
            change()
        assert Moment.objects.get(pk=moment.pk).changed_at >= before
    assert Moment.objects.get(pk=moment.pk).changed_at > moment.created_at


def test_picture_cannot_be_removed_during_a_dispute(picture_storage, make_pictured_moment):
    """Fault 25: nothing can change until the bank has decided."""
    moment = make_pictured_moment(content=encode_image(build_picture()))
    Order.objects.create(
        user=moment.user, moment=moment, currency="eur", amount=500, status=OrderStatus.DISPUTED
    )
    with pytest.raises(PictureRefused, match="disputed"):
        uploads.remove_picture(moment)
    assert Picture.objects.filter(moment=moment).exists()
