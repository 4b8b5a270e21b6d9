"""Likes. A person can like each moment once, except their own, and withdraw the like."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from timeline.core.exceptions import LikeRefused
from timeline.models import Like, Moment

# Only likes of accounts at least this old count for trending, so creating accounts to like does not help.
MIN_ACCOUNT_AGE = dt.timedelta(days=7)


def like(user: User, moment: Moment) -> None:
    """Like a moment that the user may see. Liking it again changes nothing.

    Raises LikeRefused for the user's own moment.
    """
    if moment.user_id == user.pk:
        raise LikeRefused("It is your own moment: liking it is for others.")
    with transaction.atomic():
        now = timezone.now()
        counts_for_trending = user.date_joined <= now - MIN_ACCOUNT_AGE
        existing, is_new = Like.objects.get_or_create(
            user=user,
            moment=moment,
            defaults={"liked_at": now, "counts_for_trending": counts_for_trending},
        )
        if not is_new:
            Like.objects.filter(pk=existing.pk, withdrawn=True).update(withdrawn=False)


def unlike(user: User, moment: Moment) -> None:
    """Withdraw a like. Without one, nothing changes."""
    Like.objects.filter(user=user, moment=moment, withdrawn=False).update(withdrawn=True)
