"""Pictures that nobody is to see again.

A row without a moment is a picture that is let go. It stays until its files
are deleted, so that whatever fails in between, none is left behind unknown;
and as addresses lead to files by their moment only, nothing is seen meanwhile.
"""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial

from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django_tasks import task

from momentverse import page_cache
from timeline.models import Picture
from timeline.services.pictures import storage

logger = logging.getLogger("timeline.pictures")

# An upload has a row before it has a moment, for no longer than this.
UPLOAD_TIMEOUT = dt.timedelta(hours=1)
# Who has begun to make a picture and not finished after this time has died.
PROCESSING_LEASE = dt.timedelta(minutes=5)


def ago(length: dt.timedelta) -> ExpressionWrapper:
    """Return the instant that is ``length`` past, by the database's clock."""
    return ExpressionWrapper(Now() - length, output_field=DateTimeField())


def is_not_processing() -> Q:
    """Return the condition that nobody is at making a picture."""
    return Q(taken_at=None) | Q(taken_at__lt=ago(PROCESSING_LEASE))


def detach(pictures: QuerySet[Picture]) -> None:
    """Part pictures from their moments; part of the caller's transaction.

    No kept page shows them then, and their files are deleted.
    """
    for pk in list(pictures.values_list("pk", flat=True)):
        Picture.objects.filter(pk=pk).update(moment=None, alt="", placeholder="", problem="")
        page_cache.purge()
        transaction.on_commit(partial(delete_picture_task.enqueue, pk), robust=True)


@task()
def delete_picture_task(pk: int) -> None:
    """Background task: delete the files of a picture that is let go. ``purge_waiting`` tries again."""
    delete_picture(pk)


def delete_detached_pictures(limit: int = 1000) -> int:
    """Delete what was let go, or was left when its moment or its upload went; return how many pictures."""
    waiting = Picture.objects.filter(moment=None, uploaded_at__lt=ago(UPLOAD_TIMEOUT))
    return sum(
        delete_picture(pk)
        for pk in list(waiting.order_by("uploaded_at").values_list("pk", flat=True)[:limit])
    )


def delete_picture(pk: int) -> bool:
    """Delete the files of a picture without a moment, then its row; return whether it is gone now.

    Not while somebody makes it, who would write more of them afterwards.
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
