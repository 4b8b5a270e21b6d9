"""Reads iCalendar (RFC 5545): one moment an event. What repeats is refused, not expanded."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from icalendar import Calendar

from timeline.core.exceptions import TimelineError
from timeline.core.local_time import resolve, zone_named
from timeline.core.spans import LONGEST, UTC
from timeline.services.imports.rows import (
    Refusal,
    Row,
    RowRefused,
    Rows,
    UnreadableFile,
    make_row,
    reason_of,
)

_DAY = dt.timedelta(days=1)


def ical_rows(file: BinaryIO) -> Rows:
    """Yield the events of an iCalendar file, numbered from 1. Raises UnreadableFile when it is none.

    Floating times and whole days are in the calendar's ``X-WR-TIMEZONE``, else in UTC.
    """
    try:
        calendars = Calendar.from_ical(file.read(), multiple=True)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UnreadableFile(f"The file is no iCalendar: {str(error)!a}.") from error
    number = 0
    for calendar in calendars:
        home = str(calendar.get("X-WR-TIMEZONE", "UTC"))
        for event in calendar.walk("VEVENT"):
            number += 1
            yield _row(number, event, home)


def _row(number: int, event: Any, home: str) -> Row | Refusal:
    try:
        _refuse_what_repeats(event)
        zone, starts_at = _instant(event, "DTSTART", zone_named(home))
        return make_row(
            number,
            external_id=_text(event, "UID"),
            title=_text(event, "SUMMARY"),
            starts_at=starts_at,
            ends_at=_end(event, starts_at, zone),
            time_zone=zone.key,
            place=_text(event, "LOCATION"),
            story=_text(event, "DESCRIPTION"),
            source=_text(event, "URL"),
            tags=_categories(event),
        )
    except (TimelineError, ValidationError, ValueError, OverflowError) as error:
        return Refusal(number, reason_of(error))


def _refuse_what_repeats(event: Any) -> None:
    if any(name in event for name in ("RRULE", "RDATE", "RECURRENCE-ID")):
        raise RowRefused("The event repeats. Give each occurrence as an event of its own.")
    if _text(event, "STATUS").upper() == "CANCELLED":
        raise RowRefused("The event is cancelled.")


def _end(event: Any, starts_at: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Return the end; an event of one whole day ends at the next midnight, after 24 h at the latest."""
    is_day = not isinstance(_value(event, "DTSTART"), dt.datetime)
    if "DURATION" in event:
        length = _value(event, "DURATION")
        if not isinstance(length, dt.timedelta):
            raise RowRefused("DURATION: a length of time is expected.")
        return starts_at + length
    if "DTEND" in event:
        _, ends_at = _instant(event, "DTEND", zone)
        if not is_day or _value(event, "DTEND") != _value(event, "DTSTART") + _DAY:
            return ends_at
    elif is_day:
        tomorrow = dt.datetime.combine(_value(event, "DTSTART") + _DAY, dt.time())
        ends_at = resolve(tomorrow, zone)
    else:
        raise RowRefused("The event has neither DTEND nor DURATION.")
    return min(ends_at, starts_at + LONGEST)


def _instant(
    event: Any, name: str, home: zoneinfo.ZoneInfo
) -> tuple[zoneinfo.ZoneInfo, dt.datetime]:
    """Return a property's zone, and its instant in UTC."""
    value = _value(event, name)
    if not isinstance(value, dt.date):
        raise RowRefused(f"{name}: a time is expected.")
    if not isinstance(value, dt.datetime):
        return home, resolve(dt.datetime.combine(value, dt.time()), home)
    if value.tzinfo is None:
        if "TZID" in event[name].params:
            raise RowRefused(f"{name}: its time zone is not known.")
        return home, resolve(value, home)
    if isinstance(value.tzinfo, zoneinfo.ZoneInfo):
        zone = zone_named(value.tzinfo.key)
        return zone, resolve(value.replace(tzinfo=None), zone)
    # UTC, or a zone that the file defines itself: the instant is known, the zone has no name.
    return zone_named("UTC"), value.astimezone(UTC)


def _categories(event: Any) -> list[str]:
    lists = event.get("CATEGORIES", [])
    try:
        return [
            str(category)
            for one in (lists if isinstance(lists, list) else [lists])
            for category in one.cats
        ]
    except AttributeError:
        raise RowRefused("CATEGORIES: a list of texts is expected.") from None


def _value(event: Any, name: str) -> Any:
    if name not in event:
        raise RowRefused(f"{name}: it is missing.")
    if isinstance(event[name], list):
        raise RowRefused(f"{name}: it stands there twice.")
    return getattr(event[name], "dt", None)


def _text(event: Any, name: str) -> str:
    value = event.get(name, "")
    if isinstance(value, list):
        raise RowRefused(f"{name}: it stands there twice.")
    return str(value)
