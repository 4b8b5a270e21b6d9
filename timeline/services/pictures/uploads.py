"""A moment's picture as its owner changes it: put there, described, taken off."""

from __future__ import annotations

import secrets
from typing import IO

from django.db import transaction
from django.db.models.functions import Now

from timeline.core.exceptions import MomentDisputed, PictureRefused
from timeline.core.picture_formats import ORIGINAL_NAME
from timeline.models import Moment, Order, OrderStatus, Picture, Status
from timeline.services import placement
from timeline.services.pictures import processing, storage
from timeline.services.pictures.deletion import detach


def set_picture(moment: Moment, file: IO[bytes], alt: str) -> None:
    """Make ``file`` the moment's picture, in the place of one that it has; it is shown when it is made.

    Raises PictureRefused when the moment is not on the timeline any more,
    TimelineBusy, and OSError when the storage is away.
    """
    picture = Picture.objects.create(key=secrets.token_hex(16))
    storage.write(f"{picture.key}/{ORIGINAL_NAME}", file)

    def change() -> None:
        with placement.lock_spans([moment.span]):
            _refuse_unless_changeable(moment)
            detach(Picture.objects.filter(moment=moment))
            Picture.objects.filter(pk=picture.pk).update(moment=moment, alt=alt)
            _mark_as_changed(moment)
            transaction.on_commit(
                lambda: processing.process_picture_task.enqueue(picture.pk), robust=True
            )

    placement.retrying(change)


def set_description(moment: Moment, alt: str) -> None:
    """Change what is said of the moment's picture to those who do not see it.

    Raises PictureRefused and TimelineBusy like ``put``.
    """

    def change() -> None:
        with placement.lock_spans([moment.span]):
            _refuse_unless_changeable(moment)
            Picture.objects.filter(moment=moment).update(alt=alt)
            _mark_as_changed(moment)

    placement.retrying(change)


def remove_picture(moment: Moment) -> None:
    """Take the picture off a moment. Raises PictureRefused and TimelineBusy like ``put``."""

    def change() -> None:
        with placement.lock_spans([moment.span]):
            _refuse_unless_changeable(moment)
            detach(Picture.objects.filter(moment=moment))
            _mark_as_changed(moment)

    placement.retrying(change)


def _refuse_unless_changeable(moment: Moment) -> None:
    if not Moment.objects.filter(pk=moment.pk, status=Status.ACTIVE).exists():
        raise PictureRefused("This moment is not on the timeline any more.")
    if Order.objects.filter(moment=moment, status=OrderStatus.DISPUTED).exists():
        raise MomentDisputed


def _mark_as_changed(moment: Moment) -> None:
    """Let feeds and copies of pages know that the moment has changed."""
    Moment.objects.filter(pk=moment.pk).update(updated_at=Now())
