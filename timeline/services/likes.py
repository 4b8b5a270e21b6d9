"""Liking a moment: once a person, taken back as easily, never one's own."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from timeline.core.exceptions import LikeRefused
from timeline.models import Like, Moment

if TYPE_CHECKING:
    pass

# So old is an account whose likes count towards trending: making one for a like does not help.
MIN_ACCOUNT_AGE = dt.timedelta(days=7)


def like(user: User, moment: Moment) -> None:
    """Let ``user`` like a moment that they may see; doing it again changes nothing.

    Raises LikeRefused for one's own.
    """
    if moment.user_id == user.pk:
        raise LikeRefused("It is your own moment: liking it is for others.")
    with transaction.atomic():
        now = timezone.now()
        counts_for_trending = user.date_joined <= now - MIN_ACCOUNT_AGE
        given, is_new = Like.objects.get_or_create(
            user=user, moment=moment, defaults={"liked_at": now, "counts_for_trending": counts_for_trending}
        )
        if not is_new:
            Like.objects.filter(pk=given.pk, withdrawn=True).update(withdrawn=False)


def unlike(user: User, moment: Moment) -> None:
    """Take a like back; when there is none nothing changes."""
    Like.objects.filter(user=user, moment=moment, withdrawn=False).update(withdrawn=True)
