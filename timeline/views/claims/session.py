"""What the session keeps for a claim: the span chosen before log-in, and details not stored yet.

It exists only in the same browser, and log-out deletes it.
"""

from __future__ import annotations

import datetime as dt

from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse

from accounts.adapter import AFTER_LOGIN
from timeline.core.spans import Span, format_instant, parse_instant
from timeline.models import Moment

_SPAN_KEY, _DETAILS_KEY = "claim_span", "claim_words"


def save_span(session: SessionBase, span: Span, time_zone: str) -> None:
    """Save the span that a visitor wants to hold, and lead them back to it after log-in."""
    session[_SPAN_KEY] = {
        "start": format_instant(span.starts_at),
        "seconds": int((span.ends_at - span.starts_at).total_seconds()),
        "zone": time_zone,
    }
    session[AFTER_LOGIN] = reverse("timeline:claim-continue")


def get_span(session: SessionBase) -> tuple[Span, str] | None:
    """Return the saved span and its time zone, or None."""
    saved = session.get(_SPAN_KEY)
    if not saved:
        return None
    start = parse_instant(saved["start"])
    return Span(start, start + dt.timedelta(seconds=saved["seconds"])), saved["zone"]


def clear_span(session: SessionBase) -> None:
    """Delete the saved span, once it is held."""
    for key in (_SPAN_KEY, AFTER_LOGIN):
        session.pop(key, None)


def save_details(
    session: SessionBase, details: dict[str, str], claim: Moment | None = None
) -> None:
    """Save form data that is not stored yet, of ``claim`` or else for the next claim without a title."""
    session[_DETAILS_KEY] = {"claim": claim and claim.public_id, "words": details}


def get_details(session: SessionBase, claim: Moment) -> dict[str, str]:
    """Return the saved form data if it belongs to ``claim``, else nothing."""
    saved = session.get(_DETAILS_KEY)
    if not saved:
        return {}
    is_for_next = saved["claim"] is None and not claim.title
    is_for_claim = saved["claim"] == claim.public_id or is_for_next
    details: dict[str, str] = saved["words"] if is_for_claim else {}
    return details


def clear_details(session: SessionBase) -> None:
    """Delete the saved form data, once it is stored or the span is given back."""
    session.pop(_DETAILS_KEY, None)
