"""Invalidate cached pages when a tag is renamed or deleted.

Changes to moments are handled in ``services.placement`` and ``services.transitions``.
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from momentverse import page_cache
from timeline.models import Tag


@receiver(post_save, sender=Tag, dispatch_uid="timeline_tag_saved")
def invalidate_renamed_tag(sender: type[Tag], created: bool, **kwargs: Any) -> None:
    """Drop cached pages that show the old name of a tag. No page shows a new tag yet."""
    if not created:
        page_cache.purge()


@receiver(post_delete, sender=Tag, dispatch_uid="timeline_tag_deleted")
def invalidate_deleted_tag(sender: type[Tag], **kwargs: Any) -> None:
    """Drop cached pages that show a tag that is gone."""
    page_cache.purge()
