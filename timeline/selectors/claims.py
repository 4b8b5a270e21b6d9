"""Claims: those of one person, and those whose payment is overdue."""

from __future__ import annotations

from django.db.models.functions import Now

from accounts.models import User
from timeline.core.spans import Span
from timeline.models import Moment, Status

# The person who wants the span waits while the provider is called for each of these payments.
# The worker expires the rest.
MAX_OVERDUE_PAYMENTS = 3


def list_open_claims(user: User) -> list[Moment]:
    """Return what a person holds or pays for, with the orders, in order of time. Reads a few rows.

    Expired holds are left out.
    """
    claims = Moment.objects.filter(
        user=user, status__in=[Status.HELD, Status.PAYING], order__isnull=False
    )
    return list(claims.without_expired_holds().select_related("order").order_by("starts_at"))


def get_claim(user: User, pk: int) -> Moment | None:
    """Return a person's own claim, in whatever state, with its order and tags. Reads one moment."""
    claims = Moment.objects.filter(user=user, pk=pk, order__isnull=False)
    return claims.select_related("order").prefetch_related("tags").first()


def list_overdue_payments(span: Span) -> list[Moment]:
    """Return moments that occupy a part of ``span`` although their time to pay is over, the oldest first.

    Reads ``MAX_OVERDUE_PAYMENTS`` rows at most.
    """
    overdue = Moment.objects.filter(status=Status.PAYING, held_until__lte=Now())
    overlapping = overdue.overlapping(span.starts_at, span.ends_at)
    return list(overlapping.order_by("held_until", "starts_at")[:MAX_OVERDUE_PAYMENTS])
