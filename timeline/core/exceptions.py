"""What can go wrong on the timeline, as meanings and not as database codes."""

from __future__ import annotations


class TimelineError(Exception):
    """Base of the timeline's domain errors; its text is a sentence for people."""


class InvalidInstant(TimelineError):
    """A text or a value is not an instant of the timeline."""


class InvalidSpan(TimelineError):
    """Two instants do not make a span that a moment can have."""


class TagRefused(TimelineError):
    """What was written cannot be a tag, or there are too many of them."""


class SpanTaken(TimelineError):
    """The span, or a part of it, belongs to a live moment already."""

    def __init__(self, message: str = "This span, or a part of it, is taken.") -> None:
        super().__init__(message)


class TimelineBusy(TimelineError):
    """Too many people write to the same days; trying again in a moment helps."""


class PictureRefused(TimelineError):
    """A picture cannot be put on this moment, or taken off it."""


class TransitionRefused(TimelineError):
    """A moment in this state cannot go to the state asked for."""


class ClaimRefused(TimelineError):
    """A person cannot hold, change or pay for this span now; the text says why and what helps."""


class LikeRefused(TimelineError):
    """A person cannot like this moment; the text says why."""


class ReportRefused(TimelineError):
    """A moment cannot be hidden, shown again or reported as asked; the text says why."""


class SearchRefused(TimelineError):
    """A search cannot be answered as it was asked; the text says what helps."""


FROZEN_WORDS = "The payment of this moment is disputed; until that is over it stays as it is."
