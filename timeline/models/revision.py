"""Earlier versions of a moment's details."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone


class MomentRevision(models.Model):
    """The details of a moment until ``replaced_at``."""

    moment = models.ForeignKey(
        "timeline.Moment", on_delete=models.CASCADE, related_name="revisions"
    )
    replaced_at = models.DateTimeField(default=timezone.now, editable=False)
    title = models.CharField(max_length=120)
    story = models.TextField(blank=True)
    place = models.CharField(max_length=120, blank=True)
    visibility = models.CharField(max_length=8)
    tags = models.CharField(max_length=900, blank=True, help_text="Names, with spaces between.")

    class Meta:
        db_table = "moment_revisions"
        ordering: ClassVar[list[str]] = ["-replaced_at", "-pk"]

    def __str__(self) -> str:
        return f"moment {self.moment_id} until {self.replaced_at}"
