"""Deletion of pictures and their files.

Deleting a picture starts with detaching its row from the moment. The row stays
until the files are deleted, so that no file is forgotten if something fails in
between. Nobody sees the files meanwhile: their addresses work only for a
picture that has a moment.
"""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django_tasks import task

from momentverse import page_cache
from momentverse.db.functions import now_plus
from timeline.models import Picture
from timeline.services.pictures import storage

logger = logging.getLogger("timeline.pictures")

# An upload creates the row before the row gets its moment. Within this time it is finished.
UPLOAD_TIMEOUT = dt.timedelta(hours=1)
# A worker that has not finished a picture within this time is considered dead.
PROCESSING_LEASE = dt.timedelta(minutes=5)


def is_not_processing() -> Q:
    """Return the condition that no worker is processing a picture."""
    return Q(processing_started_at=None) | Q(processing_started_at__lt=now_plus(-PROCESSING_LEASE))


def detach(pictures: QuerySet[Picture]) -> None:
    """Detach pictures from their moments, in the caller's transaction.

    When it commits, cached pages with these pictures are dropped and their
    files are deleted in the background.
    """
    for pk in list(pictures.values_list("pk", flat=True)):
        Picture.objects.filter(pk=pk).update(moment=None, alt="", placeholder="", problem="")
        page_cache.purge()
        transaction.on_commit(partial(delete_picture_task.enqueue, pk), robust=True)


@task()
def delete_picture_task(pk: int) -> None:
    """Background task: delete a detached picture. ``delete_detached_pictures`` retries failures."""
    delete_picture(pk)


def delete_detached_pictures(limit: int = 1000) -> int:
    """Delete pictures without a moment, at most ``limit``, and return how many were deleted.

    They were detached, or their moment was deleted, or their upload failed.
    """
    waiting = Picture.objects.filter(moment=None, uploaded_at__lt=now_plus(-UPLOAD_TIMEOUT))
    return sum(
        delete_picture(pk)
        for pk in list(waiting.order_by("uploaded_at").values_list("pk", flat=True)[:limit])
    )


def delete_picture(pk: int) -> bool:
    """Delete the files of a picture without a moment, then its row. Return whether it was deleted.

    A picture that is being processed is left alone, because its worker would
    write more files afterwards.
    """
    picture = Picture.objects.filter(is_not_processing(), pk=pk, moment=None).first()
    if picture is None:
        return False
    try:
        storage.delete_folder(picture.key)
    except OSError as error:
        logger.warning("files of %s are not deleted yet: %s", picture.key, error)
        return False
    return bool(Picture.objects.filter(pk=pk, moment=None).delete()[0])
