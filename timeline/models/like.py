"""Who likes which moment, and how many that are."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Like(models.Model):
    """One person's like of one moment.

    A like that is taken back stays as ``withdrawn``, with the time it was first
    given: giving it again does not make it new, so nobody keeps a moment
    trending by liking it every day. ``counts_for_trending`` says whether the account was old
    enough for its like to count towards trending.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="likes"
    )
    moment = models.ForeignKey(
        "timeline.Moment",
        on_delete=models.CASCADE,
        related_name="likes",
        db_index=False,  # like_once serves it
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
    """How many people like a moment, and how hot that makes it. The database keeps it true.

    ``heat`` is the base-2 logarithm of the likes' sum, each worth twice what one
    of a half-life earlier is: see ``timeline/trending.py``. None when no like counts for trending.
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
