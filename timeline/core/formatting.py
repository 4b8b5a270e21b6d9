"""Instants, days and lengths of time as people say them."""

from __future__ import annotations

import datetime as dt

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WHOLE_WEEKDAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip


def day_in_words(day: dt.date) -> str:
    """``20 July 1969``. Years below 1000 stand without leading zeros."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def instant_in_words(instant: dt.datetime, suffix: str = " UTC") -> str:
    """``20 July 1969, 20:17:40 UTC``."""
    return (
        f"{instant.day} {MONTHS[instant.month - 1]} {instant.year}, "
        f"{instant.hour:02}:{instant.minute:02}:{instant.second:02}{suffix}"
    )


def clock_in_words(instant: dt.datetime) -> str:
    """``Sunday 20 July 1969, 20:17:40``: what a calendar and a clock show, whatever the zone."""
    return f"{WHOLE_WEEKDAYS[instant.weekday()]} {instant_in_words(instant, suffix='')}"


def offset_in_words(seconds: int) -> str:
    """``UTC``, ``UTC+2``, ``UTC−5:30``, ``UTC+0:53:28``: an offset, with a true minus sign."""
    if not seconds:
        return "UTC"
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    finer = f":{minutes:02}" if minutes or rest else ""
    finest = f":{rest:02}" if rest else ""
    return f"UTC{'+' if seconds > 0 else '−'}{hours}{finer}{finest}"


def time_left_in_words(seconds: int) -> str:
    """``about 9 minutes``, ``about a minute``, ``less than a minute``: rounded down."""
    minutes = seconds // 60
    if minutes < 1:
        return "less than a minute"
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"


def duration_in_words(length: dt.timedelta) -> str:
    """``1 h 46 min``, ``12 s``, ``24 h``: the parts that are not zero."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``, ``21st``."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def distance_in_words(starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> str:
    """How far a span is from ``now``: ``57 years ago``, ``in 3 days``, ``happening now``.

    Whole units, rounded down; years and months are the calendar's, so that an
    anniversary is a whole number of years. All three in UTC.
    """
    if starts_at <= now < ends_at:
        return "happening now"
    past = now >= ends_at
    amount = _amount(ends_at, now) if past else _amount(now, starts_at)
    return f"{amount} ago" if past else f"in {amount}"


def _amount(earlier: dt.datetime, later: dt.datetime) -> str:
    seconds = int((later - earlier).total_seconds())
    months = _whole_months(earlier, later)
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


def _whole_months(earlier: dt.datetime, later: dt.datetime) -> int:
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    complete = (later.day, later.time()) >= (earlier.day, earlier.time())
    return months if complete else months - 1
