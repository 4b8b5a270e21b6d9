"""Groups of pages that a write invalidates together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Some pages, and for how many seconds they are fresh."""

    name: str
    seconds: int


TIMELINE = Group("timeline", 30)
PROFILES = Group("profiles", 300)
TRENDING = Group("trending", 600)
STATIC_PAGES = Group("static", 3600)

# The name of the generation that every page depends on, whatever its groups.
EVERYTHING = "everything"
# The names of all generations, in the order in which they are read and stored with each entry.
GENERATIONS = (EVERYTHING, *(group.name for group in (TIMELINE, PROFILES, TRENDING, STATIC_PAGES)))

# The generations that a page depends on, in the order of GENERATIONS. None: not on this group.
Generations = tuple[str | None, ...]

# How long past its lifetime a page may be served while another worker renders a new one.
STALE_SECONDS = 60
