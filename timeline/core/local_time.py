"""Convert local times to UTC. A clock may skip a local time or show it twice."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

from momentverse.timezones import TIME_ZONES
from timeline.core.exceptions import InvalidInstant
from timeline.core.spans import SECOND, UTC, WINDOW_MESSAGE, format_instant, parse_instant


class SkippedTime(InvalidInstant):
    """A local time that the clocks of a zone skip.

    ``before`` is the last second before the jump and ``after`` the first second
    after it, both in UTC.
    """

    def __init__(
        self, local: dt.datetime, zone: zoneinfo.ZoneInfo, before: dt.datetime, after: dt.datetime
    ) -> None:
        self.local, self.zone, self.before, self.after = local, zone, before, after
        super().__init__(
            f"{local} is skipped in {zone.key}: clocks go from {_format_choice(before, zone)}"
            f" to {_format_choice(after, zone)}. Give one of these."
        )


class RepeatedTime(InvalidInstant):
    """A local time that the clocks of a zone show twice: at ``first`` and at ``second``, in UTC."""

    def __init__(
        self, local: dt.datetime, zone: zoneinfo.ZoneInfo, first: dt.datetime, second: dt.datetime
    ) -> None:
        self.local, self.zone, self.first, self.second = local, zone, first, second
        super().__init__(
            f"{local} comes twice in {zone.key}. Give an offset:"
            f" {format_instant(first)} is the first, {format_instant(second)} the second."
        )


_HAS_OFFSET = re.compile(r"\d\d:\d\d.*(?:[Zz]|[+-]\d\d:?\d\d)\s*\Z", re.ASCII | re.DOTALL)


def get_zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone with this IANA name. Raises InvalidInstant if there is none."""
    if name not in TIME_ZONES:
        raise InvalidInstant("Give a time zone such as Europe/Berlin.")
    return zoneinfo.ZoneInfo(name)


def parse_local_instant(text: str, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """Parse an ISO 8601 text and return the instant in UTC.

    A text without an offset is a local time in ``zone``. Raises InvalidInstant,
    with a sentence for people, like ``parse_instant`` and ``resolve_local_time``.
    """
    instant = parse_instant(text)
    if _HAS_OFFSET.search(text):
        return instant
    return resolve_local_time(instant.replace(tzinfo=None), zone)


def resolve_local_time(
    local: dt.datetime, zone: zoneinfo.ZoneInfo, *, fold: int | None = None
) -> dt.datetime:
    """Return the one instant, in UTC, at which clocks in ``zone`` show ``local``.

    ``fold`` chooses between the two instants of a repeated time: 0 for the first,
    1 for the second. Python returns some instant for every local time. Only the
    conversion back from UTC shows whether a clock ever shows that time. Raises
    SkippedTime or RepeatedTime, and InvalidInstant for times outside the calendar.
    """
    try:
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        matches = {
            at for at in (first, second) if at.astimezone(zone).replace(tzinfo=None) == local
        }
        if len(matches) == 1:
            return matches.pop()
        if matches and fold is not None:
            return second if fold else first
        if matches:
            raise RepeatedTime(local, zone, first, second)
        before, after = _find_gap_edges(second, first, zone)
    except OverflowError:
        raise InvalidInstant(f"There is no such time. {WINDOW_MESSAGE}") from None
    raise SkippedTime(local, zone, before, after)


def _find_gap_edges(
    early: dt.datetime, late: dt.datetime, zone: zoneinfo.ZoneInfo
) -> tuple[dt.datetime, dt.datetime]:
    """Return the last second before the zone's offset changes, and the first second after.

    Bisects, because ``zoneinfo`` does not expose the transitions.
    """
    offset = early.astimezone(zone).utcoffset()
    while late - early > SECOND:
        middle = early + (late - early) // 2 // SECOND * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return early, late


def _format_choice(instant: dt.datetime, zone: zoneinfo.ZoneInfo) -> str:
    """Return ``01:59:59 (2024-03-31T00:59:59Z)``: the local time and what to type for it."""
    return f"{instant.astimezone(zone):%H:%M:%S} ({format_instant(instant)})"
