"""Invalidate cached pages once a write has been committed.

``invalidate`` is for new content: while the new page is being rendered, other visitors may still
get the previous one. ``purge`` is for content that must not be seen any more: nobody gets a page
from before it.
"""

from __future__ import annotations

from functools import lru_cache, partial

from django.db import transaction

from momentverse.page_cache.groups import EVERYTHING, Group
from momentverse.page_cache.stores import Store, build_store
from momentverse.ratelimit.limiter import Limiter


def invalidate(*groups: Group) -> None:
    """Make the pages of some groups stale when the current transaction commits.

    This is one command, however many pages there are.
    """
    _bump_on_commit(*(group.name for group in groups))


def purge() -> None:
    """Remove every cached page from service when the current transaction commits; one command."""
    _bump_on_commit(EVERYTHING)


def _bump_on_commit(*names: str) -> None:
    # robust: a failure of the cache must not turn a committed write into an error.
    transaction.on_commit(partial(get_store().bump, names), robust=True)


@lru_cache(maxsize=1)
def get_store() -> Store:
    """Return the store that this process invalidates. ``PageCacheApplication`` has its own, to read."""
    return build_store(Limiter("", 0))
