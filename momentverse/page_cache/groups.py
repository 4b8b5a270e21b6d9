"""Groups of pages that grow old together, and the two words by which a write says so.

``changed`` is for what has come: whoever asks next gets the new page, and
while it is being made others may still see the last one. ``purge`` is for what
must not be seen any more: no copy from before it is shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Some pages, and how many seconds they are kept."""

    name: str
    seconds: int


TIMELINE = Group("timeline", 30)
PROFILES = Group("profiles", 300)
TRENDING = Group("trending", 600)
STATIC_PAGES = Group("static", 3600)

# The generation that every page belongs to, whatever its groups.
EVERYTHING = "everything"
# In this order their tokens are read and kept with each entry.
GENERATIONS = (EVERYTHING, *(group.name for group in (TIMELINE, PROFILES, TRENDING, STATIC_PAGES)))


# How long a copy past its time may be shown while somebody makes a new one.
STALE_SECONDS = 60


# What a page depends on, in the order of ``groups.TOKENS``; None: not on this group.
Generations = tuple[str | None, ...]
