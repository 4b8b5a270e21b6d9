"""Reports: people tell staff that something is wrong with a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import User

REPORT_LENGTH = 1000


class Report(models.Model):
    """One report about a moment. ``reporter`` is None for visitors without an account."""

    class Reason(models.TextChoices):
        """What is wrong, as the form lists it."""

        WRONG = "wrong", "It is not true, or the time is wrong"
        PRIVATE = "private", "It tells what somebody wants kept private"
        HATE = "hate", "It attacks or insults somebody"
        ILLEGAL = "illegal", "It is against the law"
        SPAM = "spam", "It advertises, or means nothing"
        OTHER = "other", "Something else"

    class Status(models.TextChoices):
        """What staff decided."""

        OPEN = "open", "Open"
        DISMISSED = "dismissed", "Dismissed"
        HIDDEN = "hidden", "Moment hidden"
        REVOKED = "revoked", "Moment revoked"

    moment = models.ForeignKey("timeline.Moment", on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="reports",
    )
    reason = models.CharField(max_length=8, choices=Reason.choices)
    comment = models.TextField(max_length=REPORT_LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    handled_at = models.DateTimeField(null=True, blank=True, editable=False)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="handled_reports",
    )
    resolution = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        db_table = "reports"
        ordering: ClassVar[list[str]] = ["-created_at"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["created_at"], name="idx_reports_open", condition=Q(status="open")
            ),
        ]

    def __str__(self) -> str:
        return f"“{self.moment.title}”: {self.get_reason_display()}"

    @property
    def user(self) -> User:
        """The owner of the moment."""
        return self.moment.user

    @property
    def when(self) -> str:
        """The start of the moment, formatted."""
        return self.moment.when
