"""Small helpers that several views use."""

from __future__ import annotations

from timeline.core.exceptions import TimelineBusy, TimelineError


def status_code_for(error: TimelineError) -> int:
    """Return the HTTP status of a page that shows ``error``: 503 if a retry helps, else 409."""
    return 503 if isinstance(error, TimelineBusy) else 409
