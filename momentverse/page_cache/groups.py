"""Groups of pages that grow old together, and the two words by which a write says so.

``changed`` is for what has come: whoever asks next gets the new page, and
while it is being made others may still see the last one. ``purge`` is for what
must not be seen any more: no copy from before it is shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.db import transaction


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
TOKENS = (EVERYTHING, *(group.name for group in (TIMELINE, PROFILES, TRENDING, STATIC_PAGES)))


def changed(*groups: Group) -> None:
    """Make the pages of some groups old once the transaction at hand is committed: one write each."""
    _bump_on_commit(*(group.name for group in groups))


def purge() -> None:
    """Let no page be shown that was made before the transaction at hand is committed: one write."""
    _bump_on_commit(EVERYTHING)


def _bump_on_commit(*names: str) -> None:
    from momentverse.page_cache.stores import writers_store

    # Robust: what is written stays written, whatever becomes of the cache.
    transaction.on_commit(partial(writers_store().bump, names), robust=True)
