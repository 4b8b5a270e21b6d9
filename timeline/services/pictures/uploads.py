"""What an owner can do with the picture of a moment: set it, describe it, remove it."""

from __future__ import annotations

import secrets
from typing import IO

from django.db import transaction
from django.db.models.functions import Now

from timeline.core.exceptions import MomentDisputed, PictureRefused
from timeline.core.picture_formats import ORIGINAL_NAME
from timeline.models import Moment, Order, OrderStatus, Picture, Status
from timeline.services.pictures import processing, storage
from timeline.services.pictures.deletion import detach
from timeline.services.placement import lock_spans, retry_on_conflict


def set_picture(moment: Moment, file: IO[bytes], alt: str) -> None:
    """Set or replace the picture of a moment. It becomes visible once it has been processed.

    Raises PictureRefused if the moment is no longer on the timeline or its
    payment is disputed, TimelineBusy, and OSError if the storage is unavailable.
    """
    picture = Picture.objects.create(key=secrets.token_hex(16))
    storage.write(f"{picture.key}/{ORIGINAL_NAME}", file)
    _attach(picture, moment, alt)


@retry_on_conflict
def _attach(picture: Picture, moment: Moment, alt: str) -> None:
    with lock_spans([moment.span]):
        _refuse_unless_changeable(moment)
        detach(Picture.objects.filter(moment=moment))
        Picture.objects.filter(pk=picture.pk).update(moment=moment, alt=alt)
        _mark_as_changed(moment)
        transaction.on_commit(
            lambda: processing.process_picture_task.enqueue(picture.pk), robust=True
        )


@retry_on_conflict
def set_description(moment: Moment, alt: str) -> None:
    """Change the description of a moment's picture for people who cannot see it.

    Raises PictureRefused and TimelineBusy as ``set_picture`` does.
    """
    with lock_spans([moment.span]):
        _refuse_unless_changeable(moment)
        Picture.objects.filter(moment=moment).update(alt=alt)
        _mark_as_changed(moment)


@retry_on_conflict
def remove_picture(moment: Moment) -> None:
    """Remove the picture of a moment. Raises PictureRefused and TimelineBusy as ``set_picture`` does."""
    with lock_spans([moment.span]):
        _refuse_unless_changeable(moment)
        detach(Picture.objects.filter(moment=moment))
        _mark_as_changed(moment)


def _refuse_unless_changeable(moment: Moment) -> None:
    if not Moment.objects.filter(pk=moment.pk, status=Status.ACTIVE).exists():
        raise PictureRefused("This moment is not on the timeline any more.")
    if Order.objects.filter(moment=moment, status=OrderStatus.DISPUTED).exists():
        raise MomentDisputed


def _mark_as_changed(moment: Moment) -> None:
    """Mark the moment as changed, so that feeds and cached pages are renewed."""
    Moment.objects.filter(pk=moment.pk).update(updated_at=Now())
