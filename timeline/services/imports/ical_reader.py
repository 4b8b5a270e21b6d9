"""iCalendar reader (RFC 5545): one moment for each event. Repeating events are refused, not expanded."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from icalendar import Calendar, Component

from timeline.core.exceptions import TimelineError
from timeline.core.local_time import get_zone, resolve_local_time
from timeline.core.spans import MAX_DURATION, UTC
from timeline.services.imports.rows import (
    Refusal,
    Row,
    RowRefused,
    Rows,
    UnreadableFile,
    build_row,
    format_error,
)

_DAY = dt.timedelta(days=1)


def read_ical(file: BinaryIO) -> Rows:
    """Yield the events of an iCalendar file, numbered from 1.

    Floating times and whole days are read in the calendar's ``X-WR-TIMEZONE``,
    or in UTC without one. Raises UnreadableFile if the file is not iCalendar.
    """
    try:
        calendars = Calendar.from_ical(file.read(), multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableFile(f"The file is no iCalendar: {str(error)!a}.") from error
    number = 0
    for calendar in calendars:
        zone_name = str(calendar.get("X-WR-TIMEZONE", "UTC"))
        for event in calendar.walk("VEVENT"):
            number += 1
            yield _parse_event(number, event, zone_name)


def _parse_event(number: int, event: Component, zone_name: str) -> Row | Refusal:
    try:
        _refuse_repeated_or_cancelled(event)
        zone, starts_at = _parse_instant(event, "DTSTART", get_zone(zone_name))
        return build_row(
            number,
            external_id=_get_text(event, "UID"),
            title=_get_text(event, "SUMMARY"),
            starts_at=starts_at,
            ends_at=_parse_end(event, starts_at, zone),
            time_zone=zone.key,
            place=_get_text(event, "LOCATION"),
            story=_get_text(event, "DESCRIPTION"),
            source=_get_text(event, "URL"),
            tags=_parse_categories(event),
        )
    except (TimelineError, ValidationError, ValueError, OverflowError) as error:
        return Refusal(number, format_error(error))


def _refuse_repeated_or_cancelled(event: Component) -> None:
    if any(name in event for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        raise RowRefused("The event repeats. Give each occurrence as an event of its own.")
    if _get_text(event, "STATUS").upper() == "CANCELLED":
        raise RowRefused("The event is cancelled.")


def _parse_end(event: Component, starts_at: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Return the event's end in UTC.

    An event of one whole day ends at the next local midnight. A day with a
    25th hour is cut to 24 hours, the longest that a moment can be.
    """
    is_day = not isinstance(_get_value(event, "DTSTART"), dt.datetime)
    if "DURATION" in event:
        length = _get_value(event, "DURATION")
        if not isinstance(length, dt.timedelta):
            raise RowRefused("DURATION: a length of time is expected.")
        return starts_at + length
    if "DTEND" in event:
        _, ends_at = _parse_instant(event, "DTEND", zone)
        if not is_day or _get_value(event, "DTEND") != _get_value(event, "DTSTART") + _DAY:
            return ends_at
    elif is_day:
        tomorrow = dt.datetime.combine(_get_value(event, "DTSTART") + _DAY, dt.time())
        ends_at = resolve_local_time(tomorrow, zone)
    else:
        raise RowRefused("The event has neither DTEND nor DURATION.")
    return min(ends_at, starts_at + MAX_DURATION)


def _parse_instant(
    event: Component, name: str, default_zone: zoneinfo.ZoneInfo
) -> tuple[zoneinfo.ZoneInfo, dt.datetime]:
    """Return a property's time zone, and its instant in UTC."""
    value = _get_value(event, name)
    if not isinstance(value, dt.date):
        raise RowRefused(f"{name}: a time is expected.")
    if not isinstance(value, dt.datetime):
        midnight = dt.datetime.combine(value, dt.time())
        return default_zone, resolve_local_time(midnight, default_zone)
    if value.tzinfo is None:
        if "TZID" in event[name].params:
            raise RowRefused(f"{name}: its time zone is not known.")
        return default_zone, resolve_local_time(value, default_zone)
    if isinstance(value.tzinfo, zoneinfo.ZoneInfo):
        zone = get_zone(value.tzinfo.key)
        return zone, resolve_local_time(value.replace(tzinfo=None), zone)
    # UTC, or a zone that the file defines itself: we know the instant, but no name for the zone.
    return get_zone("UTC"), value.astimezone(UTC)


def _parse_categories(event: Component) -> list[str]:
    lists = event.get("CATEGORIES", [])
    try:
        return [
            str(category)
            for one in (lists if isinstance(lists, list) else [lists])
            for category in one.cats
        ]
    except AttributeError:
        raise RowRefused("CATEGORIES: a list of texts is expected.") from None


def _get_value(event: Component, name: str) -> Any:
    if name not in event:
        raise RowRefused(f"{name}: it is missing.")
    if isinstance(event[name], list):
        raise RowRefused(f"{name}: it stands there twice.")
    return getattr(event[name], "dt", None)


def _get_text(event: Component, name: str) -> str:
    value = event.get(name, "")
    if isinstance(value, list):
        raise RowRefused(f"{name}: it stands there twice.")
    return str(value)
