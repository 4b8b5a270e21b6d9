"""Moments with pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.support.picture_samples import halves, saved
from timeline.models import Moment, Picture
from timeline.services.pictures import uploads

Pictured = Callable[..., Moment]


@pytest.fixture
def kept(settings, tmp_path) -> FileSystemStorage:
    """The storage, with nothing in it but what the test puts there."""
    settings.STORAGES = settings.STORAGES | {
        "pictures": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "pictures"},
        }
    }
    return storages["pictures"]


@pytest.fixture
def pictured(kept, make_moment, django_capture_on_commit_callbacks) -> Pictured:
    """Return a function that makes a moment with a picture: ``pictured("1969-07-20", visibility=...)``."""

    def make(start: str = "1969-07-20", *, content: bytes = b"", alt: str = "", **fields) -> Moment:
        moment = make_moment(start, **fields)
        with django_capture_on_commit_callbacks(execute=True):
            uploads.set_picture(moment, SimpleUploadedFile("x", content or saved(halves())), alt)
        return Moment.objects.select_related("picture").get(pk=moment.pk)

    return make


def files(storage: FileSystemStorage, folder: str = "") -> set[str]:
    """Return the names of all files in the storage."""
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return set()
    below = {f"{folder}/{name}".strip("/") for name in names}
    return below.union(*(files(storage, f"{folder}/{name}".strip("/")) for name in folders))


def addresses(picture: Picture) -> list[str]:
    """Return the addresses of all files of a picture."""
    return [
        picture.build_url(width, end) for width in picture.widths for end in ("avif", "webp", "jpg")
    ]
