"""Addresses of the claim form with a span filled in."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from timeline.core.spans import MAX_DURATION


def claim_url(start: dt.datetime, end: dt.datetime) -> str:
    """Return where ``[start, end)``, in UTC, is claimed; of more than 24 hours the first 24."""
    length = min(end - start, MAX_DURATION)
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = {
        "date": start.date().isoformat(),
        "time": start.time().isoformat(),
        "zone": "UTC",
        "hours": hours,
        "minutes": minutes,
        "seconds": seconds,
    }
    return "/claim/?" + urlencode(parts, safe=":")
