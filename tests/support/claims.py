"""Fixtures and helpers for claims."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db.models import F

from accounts.models import User
from timeline.core.spans import Span, parse_instant
from timeline.models import Moment
from timeline.services.claims import details, holds

PASSWORD = "a perfectly long passphrase"
Claim = Callable[..., Moment]


def span_of(start: str, seconds: int = 60) -> Span:
    starts_at = parse_instant(start)
    return Span(starts_at, starts_at + dt.timedelta(seconds=seconds))


def let_time_pass(*moments: Moment, seconds: int = 86_400) -> None:
    """Move the end of the moments' holds, or of their time to pay, into the past."""
    Moment.objects.filter(pk__in=[moment.pk for moment in moments]).update(
        held_until=F("held_until") - dt.timedelta(seconds=seconds)
    )
    for moment in moments:
        moment.refresh_from_db()


@pytest.fixture
def claimant(db: None) -> User:
    """A person with a verified e-mail address."""
    user = User.objects.create_user("eve@example.org", "eve", PASSWORD, display_name="Eve")
    user.mark_email_verified()
    return user


@pytest.fixture
def rival(db: None) -> User:
    """A second person, who wants the same spans."""
    user = User.objects.create_user("max@example.org", "max", PASSWORD)
    user.mark_email_verified()
    return user


@pytest.fixture
def claim(claimant: User) -> Claim:
    """Return a function that holds a span and gives it a title: ``claim("1969-07-20T20:17:40Z")``."""

    def hold(start: str, seconds: int = 60, *, user: User = claimant, **words: str) -> Moment:
        moment = holds.hold(user, span_of(start, seconds))
        details.update_details(moment, details.MomentDetails(**{"title": "A small step"} | words))
        return Moment.objects.select_related("order").get(pk=moment.pk)

    return hold
