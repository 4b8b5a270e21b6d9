"""What the claim pages say about a span: whether it is free, its price, and what else is free."""

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
from timeline.services.claims.pricing import Tariff, calculate_price, format_money


@dataclass(frozen=True)
class Suggestion:
    """A free span that the viewer could hold instead."""

    name: str
    display: SpanDisplay


@dataclass(frozen=True)
class Offer:
    """What the viewer can do about a span. If it is taken, this does not say by whom."""

    display: SpanDisplay
    is_open: bool
    free_at: dt.datetime | None  # at the latest; set while somebody pays for it
    own: Moment | None  # the viewer's own claim of exactly this span
    price: str  # empty if it costs nothing
    suggestions: list[Suggestion]

    @property
    def status(self) -> int:
        """The HTTP status of a page with this offer."""
        return 200 if self.is_open or self.own else 409

    @property
    def hold_minutes(self) -> int:
        """How long a hold lasts."""
        return int(settings.HOLD_SECONDS) // 60


def get_offer(display: SpanDisplay, open_claims: list[Moment]) -> Offer:
    """Return what the viewer can do about a span. If it is taken, search for free ones nearby.

    ``open_claims`` are the viewer's own.
    """
    span = display.span
    found = availability.get_availability(span)
    own = next((claim for claim in open_claims if claim.span == span), None)
    price = calculate_price(span, Visibility.PUBLIC, Tariff.current())
    return Offer(
        display=display,
        is_open=found.free,
        free_at=found.free_at,
        own=own,
        price=format_money(price.amount, price.currency) if price.amount else "",
        suggestions=[] if found.free or own else _find_suggestions(display),
    )


def _find_suggestions(display: SpanDisplay) -> list[Suggestion]:
    free = availability.find_nearest_free(display.span, zoneinfo.ZoneInfo(display.time_zone))
    spans = [("Just before", free.before), ("Just after", free.after)]
    spans += [("At the same time of day", span) for span in free.same_clock_time]
    return [
        Suggestion(name, SpanDisplay.of(span, display.time_zone)) for name, span in spans if span
    ]


def list_viewer_claims(viewer: User | AnonymousUser) -> list[Moment]:
    """Return what the viewer holds or pays for. A visitor has none."""
    return claims.list_open_claims(viewer) if viewer.is_authenticated else []
