"""Says so when something changes that public pages show of a person."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import User
from momentverse import page_cache

# What stands on profiles and beside moments, and whether it stands there.
SHOWN = frozenset(("handle", "display_name", "bio", "is_active"))


@receiver(post_save, sender=User, dispatch_uid="shown_of_a_person")
def person_saved(
    sender: type[User], created: bool, update_fields: Collection[str] | None, **more: Any
) -> None:
    """Let no page show what a person was called before; of a new one there is none."""
    if not created and (update_fields is None or SHOWN & set(update_fields)):
        page_cache.purge()


@receiver(post_delete, sender=User, dispatch_uid="shown_of_a_gone_person")
def person_deleted(sender: type[User], **more: Any) -> None:
    """Let no page show who is gone."""
    page_cache.purge()
