"""A span as claim pages, orders and mails say it: in UTC, by the clock of its place, and for how long."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import Protocol

from timeline.core.formatting import clock_in_words, duration_in_words, offset_in_words
from timeline.core.spans import Span, format_instant
from timeline.core.timezones import place_of


class LocatedSpan(Protocol):
    """What a moment has: a span, and the clock of its place as it was stored with it."""

    @property
    def span(self) -> Span: ...  # noqa: D102

    @property
    def time_zone(self) -> str: ...  # noqa: D102

    @property
    def utc_offset(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class ToldSpan:
    """A span with the zone that it was chosen in; what a template needs to say and to send it."""

    span: Span
    time_zone: str
    utc_offset: int  # seconds, at the start

    @classmethod
    def of(cls, span: Span, time_zone: str) -> ToldSpan:
        """Tell a span by the rules of a zone."""
        offset = span.starts_at.astimezone(zoneinfo.ZoneInfo(time_zone)).utcoffset()
        assert offset is not None
        return cls(span, time_zone, int(offset.total_seconds()))

    @classmethod
    def of_moment(cls, moment: LocatedSpan) -> ToldSpan:
        """Tell a moment's span by the offset that is kept with it, whatever the rules say by now."""
        return cls(moment.span, moment.time_zone, moment.utc_offset)

    @property
    def iso(self) -> str:
        """Start for ``<time datetime>`` and for forms."""
        return format_instant(self.span.starts_at)

    @property
    def seconds(self) -> int:
        """Length for forms."""
        return int((self.span.ends_at - self.span.starts_at).total_seconds())

    @property
    def when(self) -> str:
        """Start in UTC: ``Sunday 20 July 1969, 20:17:40``."""
        return clock_in_words(self.span.starts_at)

    @property
    def local(self) -> dt.datetime:
        """Start as the clock of the place shows it."""
        return self.span.starts_at.astimezone(dt.timezone(dt.timedelta(seconds=self.utc_offset)))

    @property
    def local_when(self) -> str:
        """The same in words; on the same day as in UTC, the time alone."""
        local = self.local
        if local.date() == self.span.starts_at.date():
            return f"{local:%H:%M:%S}"
        return clock_in_words(local)

    @property
    def place(self) -> str:
        """The city whose clock that is."""
        return place_of(self.time_zone)

    @property
    def offset(self) -> str:
        """How far that clock is from UTC."""
        return offset_in_words(self.utc_offset)

    @property
    def length(self) -> str:
        """Length in words."""
        return duration_in_words(self.span.ends_at - self.span.starts_at)
