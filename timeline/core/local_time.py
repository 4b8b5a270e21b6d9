"""Local times in words of a zone: a clock may skip one, or show one twice."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

from momentverse.timezones import TIME_ZONES
from timeline.core.exceptions import InvalidInstant
from timeline.core.spans import SECOND, UTC, WINDOW_WORDS, format_instant, parse_instant


class SkippedTime(InvalidInstant):
    """A local time that clocks jump over; ``before`` and ``after`` are its nearest neighbours, in UTC.

    ``before`` is the last second before the jump, ``after`` the first one after it.
    """

    def __init__(
        self, local: dt.datetime, zone: zoneinfo.ZoneInfo, before: dt.datetime, after: dt.datetime
    ) -> None:
        self.local, self.zone, self.before, self.after = local, zone, before, after
        super().__init__(
            f"{local} is skipped in {zone.key}: clocks go from {_told(before, zone)}"
            f" to {_told(after, zone)}. Give one of these."
        )


class RepeatedTime(InvalidInstant):
    """A local time that clocks show twice: at ``first`` and at ``second``, in UTC."""

    def __init__(
        self, local: dt.datetime, zone: zoneinfo.ZoneInfo, first: dt.datetime, second: dt.datetime
    ) -> None:
        self.local, self.zone, self.first, self.second = local, zone, first, second
        super().__init__(
            f"{local} comes twice in {zone.key}. Give an offset:"
            f" {format_instant(first)} is the first, {format_instant(second)} the second."
        )


_HAS_OFFSET = re.compile(r"\d\d:\d\d.*(?:[Zz]|[+-]\d\d:?\d\d)\s*\Z", re.ASCII | re.DOTALL)


def zone_named(name: str) -> zoneinfo.ZoneInfo:
    """Return the IANA zone of this name. Raises InvalidInstant."""
    if name not in TIME_ZONES:
        raise InvalidInstant("Give a time zone such as Europe/Berlin.")
    return zoneinfo.ZoneInfo(name)


def read_instant(text: str, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Return the instant of an ISO 8601 text in UTC; without an offset it is local time in ``zone``.

    Raises InvalidInstant, in a sentence, as ``parse_instant`` and ``resolve`` do.
    """
    instant = parse_instant(text)
    return instant if _HAS_OFFSET.search(text) else resolve(instant.replace(tzinfo=None), zone)


def resolve(local: dt.datetime, zone: zoneinfo.ZoneInfo, *, fold: int | None = None) -> dt.datetime:
    """Return the one instant, in UTC, at which clocks in ``zone`` show ``local``.

    Of a time that comes twice, ``fold`` chooses: 0 the first, 1 the second.
    Python picks an instant for every local time; only the way back from UTC
    tells whether a clock ever shows it. Raises SkippedTime or RepeatedTime, and
    InvalidInstant for what lies outside of the calendar.
    """
    try:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        true = {at for at in (first, second) if at.astimezone(zone).replace(tzinfo=None) == local}
        if len(true) == 1:
            return true.pop()
        if true and fold is not None:
            return second if fold else first
        if true:
            raise RepeatedTime(local, zone, first, second)
        before, after = _around_gap(second, first, zone)
    except OverflowError:
        raise InvalidInstant(f"There is no such time. {WINDOW_WORDS}") from None
    raise SkippedTime(local, zone, before, after)


def _around_gap(
    early: dt.datetime, late: dt.datetime, zone: zoneinfo.ZoneInfo
) -> tuple[dt.datetime, dt.datetime]:
    """Return the last second before the zone's offset changes, and the first after."""
    offset = early.astimezone(zone).utcoffset()
    while late - early > SECOND:
        middle = early + (late - early) // 2 // SECOND * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return early, late


def _told(instant: dt.datetime, zone: zoneinfo.ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M:%S} ({format_instant(instant)})"
