"""Invalidate cached pages after a write has been committed."""

from __future__ import annotations

from functools import lru_cache, partial

from django.db import transaction

from momentverse.page_cache.groups import EVERYTHING, Group
from momentverse.page_cache.stores import Store, build_store
from momentverse.ratelimit.limiter import Limiter


def invalidate(*groups: Group) -> None:
    """Make the pages of some groups old once the transaction at hand is committed: one write each."""
    _bump_on_commit(*(group.name for group in groups))


def purge() -> None:
    """Let no page be shown that was made before the transaction at hand is committed: one write."""
    _bump_on_commit(EVERYTHING)


def _bump_on_commit(*names: str) -> None:
    # Robust: what is written stays written, whatever becomes of the cache.
    transaction.on_commit(partial(get_store().bump, names), robust=True)


@lru_cache(maxsize=1)
def get_store() -> Store:
    """Return what this process tells of its writes; the pages themselves are the front's."""
    return build_store(Limiter("", 0))
