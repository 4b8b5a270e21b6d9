"""Claims that are open, and a user's own claims."""

from __future__ import annotations

from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from timeline.models import Moment, Status


def not_lapsed() -> Q:
    """Return the condition that a claim is open: held within its time, or being paid for."""
    return Q(status=Status.PAYING) | Q(status=Status.HELD, held_until__gt=Now())


def list_open_claims(user: User) -> list[Moment]:
    """Return what a person holds or pays for, with the orders, in order of time; at most a few."""
    claims = Moment.objects.filter(not_lapsed(), user=user, order__isnull=False)
    return list(claims.select_related("order").order_by("starts_at"))


def get_claim(user: User, pk: int) -> Moment | None:
    """Return a person's own claim, in whatever state, with order and tags."""
    claims = Moment.objects.filter(user=user, pk=pk, order__isnull=False)
    claim: Moment | None = claims.select_related("order").prefetch_related("tags").first()
    return claim
