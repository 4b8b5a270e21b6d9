"""What a person has begun and a page may not lose: a span before log-in, words when a hold is over.

Kept in the session, so it is there in the same browser and nowhere else, and
goes when they log out.
"""

from __future__ import annotations

import datetime as dt

from django.contrib.sessions.backends.base import SessionBase
from django.urls import reverse

from accounts.adapter import AFTER_LOGIN
from timeline.core.spans import Span, format_instant, parse_instant
from timeline.models import Moment

_SPAN, _WORDS = "claim_span", "claim_words"


def save_span(session: SessionBase, span: Span, time_zone: str) -> None:
    """Remember what somebody without an account wants to hold, and where log-in leads to."""
    session[_SPAN] = {
        "start": format_instant(span.starts_at),
        "seconds": int((span.ends_at - span.starts_at).total_seconds()),
        "zone": time_zone,
    }
    session[AFTER_LOGIN] = reverse("timeline:claim-continue")


def get_span(session: SessionBase) -> tuple[Span, str] | None:
    """Return the span that is remembered, with its zone, if any."""
    kept = session.get(_SPAN)
    if not kept:
        return None
    start = parse_instant(kept["start"])
    return Span(start, start + dt.timedelta(seconds=kept["seconds"])), kept["zone"]


def clear_span(session: SessionBase) -> None:
    """Forget it: it is held now."""
    for key in (_SPAN, AFTER_LOGIN):
        session.pop(key, None)


def save_details(session: SessionBase, words: dict[str, str], claim: Moment | None = None) -> None:
    """Remember words that are not stored: of a claim, or without one for the next that is empty."""
    session[_WORDS] = {"claim": claim and claim.public_id, "words": words}


def get_details(session: SessionBase, claim: Moment) -> dict[str, str]:
    """Return the words that are remembered for a claim."""
    kept = session.get(_WORDS)
    if not kept:
        return {}
    is_meant = kept["claim"] == claim.public_id or (kept["claim"] is None and not claim.title)
    words: dict[str, str] = kept["words"] if is_meant else {}
    return words


def clear_details(session: SessionBase) -> None:
    """Forget them: they are stored now."""
    session.pop(_WORDS, None)
