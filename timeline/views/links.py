"""Links into the claim form."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from timeline.core.spans import MAX_DURATION


def claim_url(start: dt.datetime, end: dt.datetime) -> str:
    """Return the URL of the claim form filled in with ``[start, end)``, in UTC, cut to 24 hours."""
    duration = min(end - start, MAX_DURATION)
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
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
