"""Invalidate cached pages when something changes that public pages show of a user."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import User
from momentverse import page_cache

# Fields that profiles and moments show, or that decide whether they show a user.
PUBLIC_FIELDS = frozenset(("handle", "display_name", "bio", "is_active"))


@receiver(post_save, sender=User, dispatch_uid="purge_pages_of_changed_user")
def purge_pages_of_changed_user(
    sender: type[User], created: bool, update_fields: Collection[str] | None, **more: Any
) -> None:
    """Purge pages when a user's public fields change. No page shows a new user yet."""
    if not created and (update_fields is None or PUBLIC_FIELDS & set(update_fields)):
        page_cache.purge()


@receiver(post_delete, sender=User, dispatch_uid="purge_pages_of_deleted_user")
def purge_pages_of_deleted_user(sender: type[User], **more: Any) -> None:
    """Purge pages that may still show a deleted user."""
    page_cache.purge()
