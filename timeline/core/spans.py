"""Instants and spans of the timeline: its window, whole seconds, one second to 24 hours."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from timeline.core.exceptions import InvalidInstant, InvalidSpan

UTC = dt.UTC
SECOND = dt.timedelta(seconds=1)
MAX_DURATION = dt.timedelta(hours=24)

# A day of margin at both ends keeps every conversion to a local time inside Python's range.
WINDOW_START = dt.datetime(1, 1, 2, tzinfo=UTC)
WINDOW_END = dt.datetime(9999, 12, 31, tzinfo=UTC)

WINDOW_MESSAGE = "The timeline runs from 0001-01-02 to 9999-12-30 (UTC)."

_INSTANT = re.compile(
    r"""(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)
        (?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>[.,]\d+)?)?
           (?P<offset>Z|z|[+-]\d\d:?\d\d)?)?""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, order=True)
class Span:
    """A half-open span ``[starts_at, ends_at)`` that a moment can have.

    The constructor raises InvalidSpan for two instants that break a rule of the timeline.
    """

    starts_at: dt.datetime
    ends_at: dt.datetime

    def __post_init__(self) -> None:
        for instant in (self.starts_at, self.ends_at):
            if instant.utcoffset() is None:
                raise InvalidSpan("A span needs instants with a time zone.")
            if instant.microsecond:
                raise InvalidSpan("The timeline counts in whole seconds.")
        if self.ends_at <= self.starts_at:
            raise InvalidSpan("A moment ends after it starts.")
        if self.ends_at - self.starts_at > MAX_DURATION:
            raise InvalidSpan("A moment is at most 24 hours long.")
        if self.starts_at < WINDOW_START or self.ends_at > WINDOW_END:
            raise InvalidSpan(WINDOW_MESSAGE)

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The one or two UTC days that the span overlaps, in order."""
        first = self.starts_at.astimezone(UTC).date()
        last = (self.ends_at.astimezone(UTC) - SECOND).date()
        return (first,) if first == last else (first, last)


def parse_instant(text: str) -> dt.datetime:
    """Parse an ISO 8601 instant in whole seconds and return it in UTC.

    A date without a time is its midnight. A time without an offset is in UTC. The
    result may be outside the window, but never outside Python's range. Raises
    InvalidInstant, with a sentence for people, for everything else: a leap second
    (we use POSIX time, which has none), a fraction, hour 24, year 0.
    """
    match = _INSTANT.fullmatch(text.strip()) if len(text) <= 40 else None
    if match is None:
        raise InvalidInstant("Give a time such as 1969-07-20T20:17:40Z.")
    part = match.groupdict()
    if part["fraction"]:
        raise InvalidInstant("The timeline counts in whole seconds; leave the fraction out.")
    if part["second"] == "60":
        raise InvalidInstant(
            "Leap seconds have no place of their own here (POSIX time): use second 59 or the next minute."
        )
    numbers = [
        int(part[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    ]
    try:
        local = dt.datetime(*numbers, tzinfo=_parse_offset(part["offset"]))  # type: ignore[misc,arg-type]
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInstant(f"There is no such time. {WINDOW_MESSAGE}") from None


def parse_instant_in_window(text: str) -> dt.datetime:
    """Parse an instant as ``parse_instant`` does, and require it to be in the window.

    The window's end is allowed, because the last moment may end there. Raises InvalidInstant.
    """
    instant = parse_instant(text)
    if not WINDOW_START <= instant <= WINDOW_END:
        raise InvalidInstant(WINDOW_MESSAGE)
    return instant


def _parse_offset(offset: str | None) -> dt.timezone:
    """Return the zone of ``Z``, ``+02:00`` or ``-0530``; UTC without one. Raises ValueError."""
    if offset in (None, "Z", "z"):
        return UTC
    assert offset is not None
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if minutes > 59:
        raise ValueError(offset)
    sign = -1 if offset[0] == "-" else 1
    return dt.timezone(sign * dt.timedelta(hours=hours, minutes=minutes))


def format_instant(instant: dt.datetime) -> str:
    """Return an instant as ``YYYY-MM-DDTHH:MM:SSZ``, for cursors, ``<time datetime>`` and JSON."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
