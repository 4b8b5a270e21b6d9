"""Hypothesis strategies for spans."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from timeline.core.spans import MAX_DURATION, UTC, WINDOW_END, WINDOW_START, Span

# A midnight, so that spans lie before, after and across it.
MIDDLE = dt.datetime(1969, 7, 21, tzinfo=UTC)


@st.composite
def crowded_spans(draw: st.DrawFn) -> Span:
    """Spans around one midnight that often overlap, touch or contain each other."""
    start = draw(st.integers(min_value=-30, max_value=30))
    length = draw(st.integers(min_value=1, max_value=20))
    starts_at = MIDDLE + dt.timedelta(seconds=start)
    return Span(starts_at, starts_at + dt.timedelta(seconds=length))


@st.composite
def any_hours(draw: st.DrawFn) -> Span:
    """Spans of whole minutes, up to a day long, around one midnight."""
    start = draw(st.integers(min_value=-1440, max_value=1439))
    length = draw(st.one_of(st.integers(1, 1440), st.integers(1, 90)))
    starts_at = MIDDLE + dt.timedelta(minutes=start)
    return Span(starts_at, starts_at + dt.timedelta(minutes=length))


@st.composite
def any_spans(draw: st.DrawFn) -> Span:
    """Spans anywhere on the timeline, of any allowed duration, often at its two ends."""
    longest = int(MAX_DURATION.total_seconds())
    room = int((WINDOW_END - WINDOW_START).total_seconds())
    length = draw(st.one_of(st.just(1), st.just(longest), st.integers(1, longest)))
    start = draw(st.one_of(st.just(0), st.just(room - length), st.integers(0, room - length)))
    starts_at = WINDOW_START + dt.timedelta(seconds=start)
    return Span(starts_at, starts_at + dt.timedelta(seconds=length))


def overlap(one: Span, other: Span) -> bool:
    """Return whether two half-open spans share a second."""
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at
