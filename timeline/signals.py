"""Says so when a tag is renamed or goes; what happens to moments is said by ``overlap`` and ``lifecycle``."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from momentverse import page_cache
from timeline.models import Tag


@receiver(post_save, sender=Tag, dispatch_uid="shown_of_a_tag")
def invalidate_renamed_tag(sender: type[Tag], created: bool, **more: Any) -> None:
    """Let no page show a tag's old name; a new one is on no moment yet."""
    if not created:
        page_cache.purge()


@receiver(post_delete, sender=Tag, dispatch_uid="shown_of_a_gone_tag")
def invalidate_deleted_tag(sender: type[Tag], **more: Any) -> None:
    """Let no page show a tag that is gone."""
    page_cache.purge()
