"""Tags, and the moments that have them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

TAG_LENGTH = 40


class Tag(models.Model):
    """A word that groups moments. Its name is part of its URL."""

    name = models.CharField(
        max_length=TAG_LENGTH,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z",
                "A tag is lower-case letters a to z and digits, with single hyphens between words.",
            )
        ],
    )

    class Meta:
        db_table = "tags"
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the URL of the tag's page."""
        return reverse("timeline:tag", args=[self.name])


class MomentTag(models.Model):
    """One tag of one moment.

    It repeats the moment's start, so that a tag's page is a range scan of ``(tag,
    starts_at)``, however many moments have the tag. A database trigger keeps the
    copy equal (see ``timeline/db/sql/moments.py``).
    """

    moment = models.ForeignKey(
        "timeline.Moment", on_delete=models.CASCADE, related_name="moment_tags"
    )
    tag = models.ForeignKey(
        Tag, on_delete=models.CASCADE, related_name="moment_tags", db_index=False
    )
    starts_at = models.DateTimeField(editable=False)

    class Meta:
        db_table = "moment_tags"
        ordering: ClassVar[list[str]] = ["tag__name"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["moment", "tag"], name="moment_tag_unique"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["tag", "starts_at"], name="idx_moment_tags_tag_time"),
            # The latest uses of a tag, because ids grow. Negated: for the plain id, PostgreSQL may
            # choose to walk the primary key, through the rows of all other tags.
            models.Index("tag", -models.F("id"), name="idx_moment_tags_newest"),
        ]

    def __str__(self) -> str:
        # The ids only, without a query: the admin shows this for each tag of a moment.
        return f"tag {self.tag_id} on moment {self.moment_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Copy the moment's start, then save."""
        self.starts_at = self.moment.starts_at
        super().save(*args, **kwargs)
