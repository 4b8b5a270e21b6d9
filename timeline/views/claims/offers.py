"""Whether a span can be held, and what else could be: what the claim pages say of it."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from timeline.core.span_display import ToldSpan
from timeline.models import Moment, Visibility
from timeline.selectors import availability, claims
from timeline.selectors.availability import nearest_free
from timeline.services.claims.pricing import Tariff, money, price_of


@dataclass(frozen=True)
class Suggestion:
    """A free span that could be taken instead."""

    name: str
    told: ToldSpan


@dataclass(frozen=True)
class Offer:
    """What can be done about a span. Whose it is, if it is taken, nobody is told."""

    told: ToldSpan
    is_open: bool
    free_at: dt.datetime | None
    own: Moment | None  # the viewer's own claim of just this span
    price: str
    suggestions: list[Suggestion]

    @property
    def status(self) -> int:
        """The HTTP status of a page that says it."""
        return 200 if self.is_open or self.own else 409

    @property
    def hold_minutes(self) -> int:
        """How long it would be held."""
        return int(settings.HOLD_SECONDS) // 60


def offer_of(told: ToldSpan, open_claims: list[Moment]) -> Offer:
    """Look whether a span is free now, and around it if it is not.

    ``open_claims`` are the viewer's.
    """
    found = availability.availability(told.span)
    own = next((claim for claim in open_claims if claim.span == told.span), None)
    return Offer(
        told=told,
        is_open=found.free,
        free_at=found.free_at,
        own=own,
        price=_price(told),
        suggestions=[] if found.free or own else _suggestions(told),
    )


def open_claims_of(viewer: User | AnonymousUser) -> list[Moment]:
    """Return what the viewer holds or pays for; nothing for a visitor."""
    return claims.open_claims(viewer) if viewer.is_authenticated else []


def _price(told: ToldSpan) -> str:
    price = price_of(told.span, Visibility.PUBLIC, Tariff.current())
    return money(price.amount, price.currency) if price.amount else ""


def _suggestions(told: ToldSpan) -> list[Suggestion]:
    free = nearest_free(told.span, zoneinfo.ZoneInfo(told.time_zone))
    named = [("Just before", free.before), ("Just after", free.after)]
    named += [("At the same time of day", span) for span in free.same_clock_time]
    return [Suggestion(name, ToldSpan.of(span, told.time_zone)) for name, span in named if span]
