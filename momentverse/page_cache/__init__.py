"""Pages kept ready for visitors without a session.

A view says by name who may keep it and what makes it old (``policy``); a write
says what it has changed (``groups``); ``front`` answers before Django is asked.
"""

from momentverse.page_cache.decorators import NoStoreByDefaultMiddleware, View, public_page
from momentverse.page_cache.groups import PROFILES, STATIC_PAGES, TIMELINE, TRENDING, Group
from momentverse.page_cache.invalidation import changed, purge
from momentverse.redis.client import CACHE_ERRORS

__all__ = [
    "CACHE_ERRORS",
    "PROFILES",
    "STATIC_PAGES",
    "TIMELINE",
    "TRENDING",
    "Group",
    "NoStoreByDefaultMiddleware",
    "View",
    "changed",
    "public_page",
    "purge",
]
