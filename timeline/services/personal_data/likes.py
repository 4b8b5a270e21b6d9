"""What the timeline holds on what a person likes: for export and for erasure."""

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
    """Yield what a person likes or has liked, oldest first; a moment's id is all that is told of it."""
    likes = Like.objects.filter(user=user).order_by("liked_at", "pk")
    rows = likes.values_list("moment_id", "liked_at", "withdrawn")
    data = [
        {"moment": encode_id(moment), "liked_at": liked_at, "taken_back": withdrawn}
        for moment, liked_at, withdrawn in rows.iterator(chunk_size=EXPORT_BATCH)
    ]
    if data:
        yield PersonalFile("likes.json", "Moments that you like, or liked and took back.", data)


def erase(user: User) -> bool:
    """Delete a person's likes, at most ``ERASED_AT_ONCE``; return whether more are left."""
    likes = Like.objects.filter(user=user).order_by("moment")
    rows = list(likes.values_list("pk", "moment_id")[: ERASE_BATCH + 1])
    batch = rows[:ERASE_BATCH]
    # The counts that will fall, locked in order: two erasures never wait for each other in a ring.
    tallies = LikeTally.objects.filter(moment__in=[moment for _, moment in batch])
    list(tallies.order_by("moment").select_for_update(of=("self",)).values_list("pk"))
    Like.objects.filter(pk__in=[pk for pk, _ in batch]).delete()
    return len(rows) > len(batch)


SOURCE = Source("likes", CONSEQUENCES, export, erase)
