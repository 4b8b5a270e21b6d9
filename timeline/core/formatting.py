"""Format instants, days and durations for people."""

from __future__ import annotations

import datetime as dt

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAY_ABBREVIATIONS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEKDAY_NAMES = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip


def format_day(day: dt.date) -> str:
    """Return ``20 July 1969``. Years below 1000 have no leading zeros."""
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def format_timestamp(instant: dt.datetime, suffix: str = " UTC") -> str:
    """Return ``20 July 1969, 20:17:40 UTC``. The instant's own zone is used, not converted."""
    return (
        f"{format_day(instant)}, {instant.hour:02}:{instant.minute:02}:{instant.second:02}{suffix}"
    )


def format_datetime(instant: dt.datetime) -> str:
    """Return ``Sunday 20 July 1969, 20:17:40``, without naming a zone."""
    return f"{WEEKDAY_NAMES[instant.weekday()]} {format_timestamp(instant, suffix='')}"


def format_utc_offset(seconds: int) -> str:
    """Return ``UTC``, ``UTC+2``, ``UTC−5:30`` or ``UTC+0:53:28``, with a true minus sign."""
    if not seconds:
        return "UTC"
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    minutes_part = f":{minutes:02}" if minutes or rest else ""
    seconds_part = f":{rest:02}" if rest else ""
    return f"UTC{'+' if seconds > 0 else '−'}{hours}{minutes_part}{seconds_part}"


def format_time_left(seconds: int) -> str:
    """Return ``about 9 minutes``, ``about a minute`` or ``less than a minute``, rounded down."""
    minutes = seconds // 60
    if minutes < 1:
        return "less than a minute"
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"


def format_duration(duration: dt.timedelta) -> str:
    """Return ``1 h 46 min``, ``12 s`` or ``24 h``: only the units that are not zero."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    units = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in units if number)


def format_ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``11th`` or ``21st``."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def format_relative_time(starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> str:
    """Return how far a span is from ``now``: ``57 years ago``, ``in 3 days``, ``happening now``.

    The result has one whole unit, rounded down. Years and months are calendar
    units, so that an anniversary is a whole number of years. All three instants
    must be in UTC.
    """
    if starts_at <= now < ends_at:
        return "happening now"
    if now >= ends_at:
        return f"{_format_largest_unit(ends_at, now)} ago"
    return f"in {_format_largest_unit(now, starts_at)}"


def _format_largest_unit(earlier: dt.datetime, later: dt.datetime) -> str:
    seconds = int((later - earlier).total_seconds())
    months = _count_whole_months(earlier, later)
    units = (
        (months // 12, "year"),
        (months, "month"),
        (seconds // 86_400, "day"),
        (seconds // 3_600, "hour"),
        (seconds // 60, "minute"),
        (seconds, "second"),
    )
    for number, unit in units:
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "a moment"


def _count_whole_months(earlier: dt.datetime, later: dt.datetime) -> int:
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    is_complete = (later.day, later.time()) >= (earlier.day, earlier.time())
    return months if is_complete else months - 1
