"""Domain errors of the timeline. They describe what went wrong, independently of database error codes."""

from __future__ import annotations


class TimelineError(Exception):
    """Base class of the timeline's domain errors. Its text is a sentence that pages show to people."""


class InvalidInstant(TimelineError):
    """A text or a value is not an instant of the timeline."""


class InvalidSpan(TimelineError):
    """Two instants do not form a span that a moment can have."""


class TagRefused(TimelineError):
    """A text cannot be a tag, or there are too many tags."""


class SpanTaken(TimelineError):
    """The span, or a part of it, already belongs to a moment that occupies it."""

    def __init__(self, message: str = "This span, or a part of it, is taken.") -> None:
        super().__init__(message)


class TimelineBusy(TimelineError):
    """Too many people are writing to the same days. A retry in a moment helps."""

    def __init__(
        self, message: str = "Many people are writing here. Try again in a moment."
    ) -> None:
        super().__init__(message)


class PictureRefused(TimelineError):
    """A picture cannot be added to this moment or removed from it."""


class TransitionRefused(TimelineError):
    """A moment cannot change from its current status to the requested one."""


class ClaimRefused(TimelineError):
    """A person cannot hold, change or pay for this span now. The text says why and what helps."""


class MomentDisputed(ClaimRefused, PictureRefused):
    """The payment of a moment is disputed, so neither its details nor its picture can change."""

    def __init__(
        self,
        message: str = "The payment of this moment is disputed; until that is over it stays as it is.",
    ) -> None:
        super().__init__(message)


class LikeRefused(TimelineError):
    """A person cannot like this moment. The text says why."""


class ReportRefused(TimelineError):
    """A moment cannot be hidden, unhidden or reported as requested. The text says why."""


class SearchRefused(TimelineError):
    """A search cannot be run as it was typed. The text says what helps."""
