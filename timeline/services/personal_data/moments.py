"""Export and erasure of a person's moments, with their pictures, tags and earlier versions.

The moments of an erased person leave the timeline, and their spans become free.
The row of each moment stays, without any text of its owner, so that its address
can say that it was withdrawn, and when.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import User
from accounts.privacy.registry import PersonalFile, Source, anonymise_admin_log
from timeline.db import search_index
from timeline.models import (
    Moment,
    MomentQuerySet,
    MomentRevision,
    MomentTag,
    Order,
    Picture,
    Status,
    Tag,
)
from timeline.services import placement, transitions
from timeline.services.pictures import storage
from timeline.services.pictures.deletion import detach

EXPORT_BATCH = 500
# The days of this many moments, two each at most, can be locked in one transaction.
ERASE_BATCH = placement.MAX_DAYS // 2

WITHDRAWN_TITLE = "Withdrawn"
ERASURE_REASON = "withdrawn by its owner"
CONSEQUENCES = (
    "Your moments leave the timeline, whatever their visibility, and their spans are free for anybody.",
    "Their titles, stories, places, sources and tags are erased, and their pictures with all copies here.",
    "What is left of each says that it was withdrawn, and when, without a name.",
    "Spans that you hold or are paying for are given back.",
)

# Every column with text by the owner or about the owner, and its value after the erasure.
BLANK_VALUES: dict[str, str | int] = {
    "title": WITHDRAWN_TITLE,
    "story": "",
    "place": "",
    "source": "",
    "external_id": "",
    "time_zone": "UTC",
    "utc_offset": 0,
    "tzdata_version": "",
    "hidden_reason": "",
    "visibility_before_hiding": "",
}
EXPORTED_FIELDS = (
    "title", "starts_at", "ends_at", "status", "status_changed_at", "status_reason", "held_until",
    "visibility", "story", "place", "time_zone", "utc_offset", "tzdata_version", "source",
    "external_id", "hidden_at", "hidden_reason", "visibility_before_hiding", "created_at", "updated_at",
)  # fmt: skip

UNREADABLE_PICTURE = (
    b"This picture could not be read when the archive was made. Ask for another archive later.\n"
)
PICTURE_FIELDS = ("state", "problem", "width", "height", "alt", "uploaded_at")
REVISION_FIELDS = ("replaced_at", "title", "story", "place", "visibility", "tags")


def export(user: User) -> Iterator[PersonalFile]:
    """Yield all moments of a person, whatever their state and visibility, and then their pictures.

    Moments are in order of start, ``EXPORT_BATCH`` in each file.
    """
    moments = (
        Moment.objects.filter(user=user)
        .order_by("starts_at", "pk")
        .select_related("picture")
        .prefetch_related("tags", "revisions")
        .iterator(chunk_size=EXPORT_BATCH)
    )
    number = 0
    while batch := [_serialize_moment(moment) for moment in islice(moments, EXPORT_BATCH)]:
        number += 1
        about = f"Your moments, {batch[0]['starts_at']} to {batch[-1]['starts_at']}."
        yield PersonalFile(f"{number:04}.json", about, batch)
    yield from _export_pictures(user)


def _export_pictures(user: User) -> Iterator[PersonalFile]:
    """Yield each picture in the largest stored size. Only one is in memory at a time."""
    pictures = Picture.objects.filter(moment__user=user, state=Picture.State.READY)
    for picture in pictures.select_related("moment").order_by("pk").iterator(chunk_size=100):
        assert picture.moment is not None
        name = f"pictures/{picture.moment.public_id}"
        about = f"The picture of “{picture.moment.title}”"
        try:
            content = storage.read(picture.get_storage_name(picture.width, "jpg"))
        except OSError:
            yield PersonalFile(f"{name}.txt", f"{about}: it could not be read.", UNREADABLE_PICTURE)
        else:
            yield PersonalFile(f"{name}.jpg", f"{about}.", content)


def _serialize_picture(moment: Moment) -> dict[str, object] | None:
    picture = getattr(moment, "picture", None)
    return picture and {name: getattr(picture, name) for name in PICTURE_FIELDS}


def _serialize_moment(moment: Moment) -> dict[str, object]:
    return {
        "id": moment.public_id,
        **{name: getattr(moment, name) for name in EXPORTED_FIELDS},
        "tags": [tag.name for tag in moment.tags.all()],
        "picture": _serialize_picture(moment),
        "earlier_versions": [
            {name: getattr(revision, name) for name in REVISION_FIELDS}
            for revision in moment.revisions.all()
        ],
    }


def erase(user: User) -> bool:
    """Withdraw and blank at most ``ERASE_BATCH`` moments of a person. Return whether more are left.

    In order of start, so that the days are locked in order across batches too.
    """
    batch = list(_not_yet_erased(user).order_by("starts_at", "pk")[: ERASE_BATCH + 1])
    has_more = len(batch) > ERASE_BATCH
    batch = batch[:ERASE_BATCH]
    ids = [moment.pk for moment in batch]
    # Lock the orders before the days, in the same order as claims and payments do.
    list(Order.objects.select_for_update().filter(moment__in=ids).order_by("pk").values_list("pk"))
    with placement.lock_spans(moment.span for moment in batch):
        _blank_moments(ids)
        # Read the states again: they cannot change while the days are locked.
        for moment in Moment.objects.occupying().filter(pk__in=ids).order_by("starts_at"):
            withdraw = transitions.revoke if moment.status == Status.ACTIVE else transitions.release
            withdraw(moment, ERASURE_REASON)
    if ids and not has_more:
        search_index.optimize_index()
    return has_more


def _not_yet_erased(user: User) -> MomentQuerySet:
    has_tags = Exists(MomentTag.objects.filter(moment=OuterRef("pk")))
    has_revisions = Exists(MomentRevision.objects.filter(moment=OuterRef("pk")))
    has_picture = Exists(Picture.objects.filter(moment=OuterRef("pk")))
    is_blank = Q(**BLANK_VALUES, status__in=[Status.REVOKED, Status.RELEASED])
    moments = Moment.objects.filter(user=user)
    return moments.filter(~is_blank | has_tags | has_revisions | has_picture)


def _blank_moments(ids: list[int]) -> None:
    """Erase all text of moments. A reason written by staff is erased too: it may name somebody."""
    Moment.objects.filter(pk__in=ids).update(**BLANK_VALUES, status_reason="", updated_at=Now())
    MomentRevision.objects.filter(moment__in=ids).delete()
    detach(Picture.objects.filter(moment__in=ids))
    moment_tags = MomentTag.objects.filter(moment__in=ids)
    tags = list(moment_tags.order_by().values_list("tag", flat=True).distinct())
    moment_tags.delete()
    _delete_unused_tags(tags)
    anonymise_admin_log(Moment, ids)


def _delete_unused_tags(tags: list[int]) -> None:
    """Delete the tags that no moment has any more: only this person used them."""
    # No moment can get a tag while its row is locked. A tag that somebody else has locked is in use.
    rows = Tag.objects.select_for_update(skip_locked=True).filter(pk__in=tags)
    locked = list(rows.values_list("pk", flat=True))
    Tag.objects.filter(pk__in=locked, moment_tags=None).delete()


SOURCE = Source("moments", CONSEQUENCES, export, erase)
