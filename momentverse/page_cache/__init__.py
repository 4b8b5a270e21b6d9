"""Cache complete pages for visitors without a session.

Views opt in with ``public_page`` (``decorators``), writes call ``invalidate`` or ``purge``
(``invalidation``), and ``wsgi`` serves cached pages before Django is called. README.md follows
one request through the modules.
"""

from momentverse.page_cache.decorators import NoStoreByDefaultMiddleware, View, public_page
from momentverse.page_cache.groups import PROFILES, STATIC_PAGES, TIMELINE, TRENDING, Group
from momentverse.page_cache.invalidation import invalidate, purge

__all__ = [
    "PROFILES",
    "STATIC_PAGES",
    "TIMELINE",
    "TRENDING",
    "Group",
    "NoStoreByDefaultMiddleware",
    "View",
    "invalidate",
    "public_page",
    "purge",
]
