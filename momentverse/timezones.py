"""The IANA time zones, and a validator for their names."""

from __future__ import annotations

import importlib.metadata
import zoneinfo

from django.core.exceptions import ValidationError

# Computed once: `available_timezones()` walks the disk on each call.
TIME_ZONES = frozenset(zoneinfo.available_timezones())
# The version of the rules that offsets are computed with.
TZDATA_VERSION = importlib.metadata.version("tzdata")


def validate_time_zone(name: str) -> None:
    """Raise ValidationError unless ``name`` is an IANA time zone."""
    if name not in TIME_ZONES:
        raise ValidationError(f"“{name}” is not a time zone such as Europe/Berlin.")
