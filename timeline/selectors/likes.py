"""Likes as they are read: how many a moment has, and whether somebody likes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timeline.models import Like, Moment

if TYPE_CHECKING:
    from timeline.models.moment import Viewer


def count_likes(moment: Moment) -> int:
    """Return how many people like a moment. Reads one row, or none if ``like_tally`` was fetched."""
    tally = getattr(moment, "like_tally", None)
    return tally.likes if tally else 0


def is_liked_by(viewer: Viewer, moment: Moment) -> bool:
    """Return whether ``viewer`` likes a moment. Reads one row."""
    if viewer is None or not viewer.is_authenticated:
        return False
    return Like.objects.filter(user_id=viewer.pk, moment=moment, withdrawn=False).exists()
