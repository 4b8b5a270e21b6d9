"""Export and erasure of a person's likes."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.models import User
from accounts.privacy.registry import PersonalFile, Source
from timeline.core.public_ids import encode_id
from timeline.models import Like, LikeTally

EXPORT_BATCH = 5000
ERASE_BATCH = 1000
CONSEQUENCES = ("Your likes are erased, and counts fall accordingly.",)


def export(user: User) -> Iterator[PersonalFile]:
    """Yield all likes of a person, oldest first, withdrawn ones too. Only the id of a moment is exported."""
    likes = Like.objects.filter(user=user).order_by("liked_at", "pk")
    rows = likes.values_list("moment_id", "liked_at", "withdrawn")
    data = [
        {"moment": encode_id(moment), "liked_at": liked_at, "taken_back": withdrawn}
        for moment, liked_at, withdrawn in rows.iterator(chunk_size=EXPORT_BATCH)
    ]
    if data:
        yield PersonalFile("likes.json", "Moments that you like, or liked and took back.", data)


def erase(user: User) -> bool:
    """Delete at most ``ERASE_BATCH`` likes of a person. Return whether more are left."""
    likes = Like.objects.filter(user=user).order_by("moment")
    rows = list(likes.values_list("pk", "moment_id")[: ERASE_BATCH + 1])
    batch = rows[:ERASE_BATCH]
    # Lock the counts that will fall, in order, so that two erasures cannot deadlock.
    tallies = LikeTally.objects.filter(moment__in=[moment for _, moment in batch])
    list(tallies.order_by("moment").select_for_update(of=("self",)).values_list("pk"))
    Like.objects.filter(pk__in=[pk for pk, _ in batch]).delete()
    return len(rows) > len(batch)


SOURCE = Source("likes", CONSEQUENCES, export, erase)
