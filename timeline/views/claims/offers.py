"""Whether a span can be held, and what else could be: what the claim pages say of it."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from timeline.core.span_display import SpanDisplay
from timeline.models import Moment, Visibility
from timeline.selectors import availability, claims
from timeline.selectors.availability import find_nearest_free
from timeline.services.claims.pricing import Tariff, calculate_price, format_money


@dataclass(frozen=True)
class Suggestion:
    """A free span that could be taken instead."""

    name: str
    told: SpanDisplay


@dataclass(frozen=True)
class Offer:
    """What can be done about a span. Whose it is, if it is taken, nobody is told."""

    told: SpanDisplay
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


def get_offer(told: SpanDisplay, open_claims: list[Moment]) -> Offer:
    """Look whether a span is free now, and around it if it is not.

    ``open_claims`` are the viewer's.
    """
    found = availability.get_availability(told.span)
    own = next((claim for claim in open_claims if claim.span == told.span), None)
    return Offer(
        told=told,
        is_open=found.free,
        free_at=found.free_at,
        own=own,
        price=_price(told),
        suggestions=[] if found.free or own else _build_suggestions(told),
    )


def list_viewer_claims(viewer: User | AnonymousUser) -> list[Moment]:
    """Return what the viewer holds or pays for; nothing for a visitor."""
    return claims.list_open_claims(viewer) if viewer.is_authenticated else []


def _price(told: SpanDisplay) -> str:
    price = calculate_price(told.span, Visibility.PUBLIC, Tariff.current())
    return format_money(price.amount, price.currency) if price.amount else ""


def _build_suggestions(told: SpanDisplay) -> list[Suggestion]:
    free = find_nearest_free(told.span, zoneinfo.ZoneInfo(told.time_zone))
    named = [("Just before", free.before), ("Just after", free.after)]
    named += [("At the same time of day", span) for span in free.same_clock_time]
    return [Suggestion(name, SpanDisplay.of(span, told.time_zone)) for name, span in named if span]
