"""Fixtures and helpers for moments with pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.support.picture_samples import build_picture, encode_image
from timeline.models import Moment, Picture
from timeline.services.pictures import uploads

MakePicturedMoment = Callable[..., Moment]


@pytest.fixture
def picture_storage(settings, tmp_path) -> FileSystemStorage:
    """An empty picture storage."""
    settings.STORAGES = settings.STORAGES | {
        "pictures": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "pictures"},
        }
    }
    return storages["pictures"]


@pytest.fixture
def make_pictured_moment(
    picture_storage, make_moment, django_capture_on_commit_callbacks
) -> MakePicturedMoment:
    """Return a function that creates a moment with a processed picture."""

    def make(start: str = "1969-07-20", *, content: bytes = b"", alt: str = "", **fields) -> Moment:
        moment = make_moment(start, **fields)
        with django_capture_on_commit_callbacks(execute=True):
            uploads.set_picture(
                moment, SimpleUploadedFile("x", content or encode_image(build_picture())), alt
            )
        return Moment.objects.select_related("picture").get(pk=moment.pk)

    return make


def list_files(storage: FileSystemStorage, folder: str = "") -> set[str]:
    """Return the names of all files in the storage, or below a folder."""
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return set()
    below = {f"{folder}/{name}".strip("/") for name in names}
    return below.union(*(list_files(storage, f"{folder}/{name}".strip("/")) for name in folders))


def list_addresses(picture: Picture) -> list[str]:
    """Return the addresses of all files of a picture."""
    return [
        picture.build_url(width, end) for width in picture.widths for end in ("avif", "webp", "jpg")
    ]
