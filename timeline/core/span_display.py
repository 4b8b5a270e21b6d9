"""A span as pages, orders and mails show it: in UTC, in local time, and how long it is."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import Protocol

from timeline.core.formatting import format_datetime, format_duration, format_utc_offset
from timeline.core.spans import Span, format_instant
from timeline.core.timezones import get_city


class LocatedSpan(Protocol):
    """The part of a moment that is shown: its span, with the zone and the offset stored with it.

    A protocol, because this layer imports no models.
    """

    @property
    def span(self) -> Span: ...

    @property
    def time_zone(self) -> str: ...

    @property
    def utc_offset(self) -> int: ...


@dataclass(frozen=True)
class SpanDisplay:
    """A span with the zone it was chosen in: what templates need to show it and to send it in forms."""

    span: Span
    time_zone: str
    utc_offset: int  # seconds, at the start

    @classmethod
    def of(cls, span: Span, time_zone: str) -> SpanDisplay:
        """Return a span with the offset that the zone's rules give at its start."""
        offset = span.starts_at.astimezone(zoneinfo.ZoneInfo(time_zone)).utcoffset()
        assert offset is not None
        return cls(span, time_zone, int(offset.total_seconds()))

    @classmethod
    def of_moment(cls, moment: LocatedSpan) -> SpanDisplay:
        """Return a moment's span with its stored offset, even if the zone's rules have changed since."""
        return cls(moment.span, moment.time_zone, moment.utc_offset)

    @property
    def iso(self) -> str:
        """The start for ``<time datetime>`` and for forms."""
        return format_instant(self.span.starts_at)

    @property
    def seconds(self) -> int:
        """The length in seconds, for forms."""
        return int((self.span.ends_at - self.span.starts_at).total_seconds())

    @property
    def when(self) -> str:
        """The start in UTC: ``Sunday 20 July 1969, 20:17:40``."""
        return format_datetime(self.span.starts_at)

    @property
    def local(self) -> dt.datetime:
        """The start in local time."""
        return self.span.starts_at.astimezone(dt.timezone(dt.timedelta(seconds=self.utc_offset)))

    @property
    def local_when(self) -> str:
        """The start in local time, formatted; only the time if the day is the same as in UTC."""
        local = self.local
        if local.date() == self.span.starts_at.date():
            return f"{local:%H:%M:%S}"
        return format_datetime(local)

    @property
    def place(self) -> str:
        """The city that the zone is named after."""
        return get_city(self.time_zone)

    @property
    def offset(self) -> str:
        """The offset from UTC, formatted."""
        return format_utc_offset(self.utc_offset)

    @property
    def length(self) -> str:
        """The length, formatted."""
        return format_duration(self.span.ends_at - self.span.starts_at)
