"""Likes of moments, and their tallies."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Like(models.Model):
    """One person's like of one moment.

    A like that the person takes back stays in the table as ``withdrawn``, with its
    original time. Liking again does not renew that time, so nobody can keep a moment
    trending by liking it every day. ``counts_for_trending`` is whether the account
    was old enough when it liked.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="likes"
    )
    moment = models.ForeignKey(
        "timeline.Moment",
        on_delete=models.CASCADE,
        related_name="likes",
        db_index=False,  # like_once covers it
    )
    liked_at = models.DateTimeField(default=timezone.now, editable=False)
    withdrawn = models.BooleanField(default=False)
    counts_for_trending = models.BooleanField(default=True)

    class Meta:
        db_table = "likes"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["moment", "user"], name="like_once"),
        ]

    def __str__(self) -> str:
        return f"like of moment {self.moment_id} by user {self.user_id}"


class LikeTally(models.Model):
    """How many people like a moment, and its heat. Only database triggers write to this table.

    ``heat`` is the base-2 logarithm of the sum of the likes' weights. A like weighs
    twice as much as one that is older by one half-life: see
    ``timeline/selectors/trending.py``. It is None if no like counts for trending.
    """

    moment = models.OneToOneField(
        "timeline.Moment", on_delete=models.CASCADE, primary_key=True, related_name="like_tally"
    )
    likes = models.IntegerField(default=0)
    heat = models.FloatField(null=True, blank=True)

    class Meta:
        db_table = "like_tallies"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                F("heat").desc(),
                F("moment").desc(),
                name="idx_like_tallies_heat",
                condition=Q(heat__isnull=False),
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(likes__gte=0), name="like_tally_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.likes} likes of moment {self.moment_id}"
