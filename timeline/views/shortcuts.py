"""Small helpers that several views use."""

from __future__ import annotations

from timeline.core.exceptions import TimelineBusy, TimelineError


def status_code_for(error: TimelineError) -> int:
    """Return the HTTP status that says what a rule has refused: 503 when trying again helps."""
    return 503 if isinstance(error, TimelineBusy) else 409
