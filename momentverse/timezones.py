"""Which time zones there are."""

from __future__ import annotations

import importlib.metadata
import zoneinfo

from django.core.exceptions import ValidationError

# Looked up once: asking `zoneinfo` walks the disk each time.
TIME_ZONES = frozenset(zoneinfo.available_timezones())
# The rules that offsets are computed by.
TZDATA_VERSION = importlib.metadata.version("tzdata")


def validate_time_zone(name: str) -> None:
    """Refuse what is not an IANA time zone. Raises ValidationError."""
    if name not in TIME_ZONES:
        raise ValidationError(f"“{name}” is not a time zone such as Europe/Berlin.")
