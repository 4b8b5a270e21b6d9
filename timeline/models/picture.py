"""The picture of a moment."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from timeline.core.picture_formats import FALLBACK_WIDTH, THUMBNAIL_WIDTHS, list_widths

ALT_LENGTH = 250
# A picture with at least this ratio of width to height may fill the width of a page.
WIDE_RATIO = 1.25


class Picture(models.Model):
    """A picture that a moment's owner has uploaded, and the state of its processing.

    Its files are in the storage under ``key``. A picture without a moment is detached:
    nothing links to it any more, and a job deletes its files.
    """

    class State(models.TextChoices):
        """The state of the processing."""

        WAITING = "waiting", "Being made"
        READY = "ready", "Shown"
        REFUSED = "refused", "Refused"

    moment = models.OneToOneField(
        "timeline.Moment", null=True, on_delete=models.SET_NULL, related_name="picture"
    )
    key = models.CharField(max_length=32, unique=True, editable=False)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    problem = models.CharField(max_length=200, blank=True, editable=False)
    width = models.PositiveIntegerField(default=0, editable=False)
    height = models.PositiveIntegerField(default=0, editable=False)
    placeholder = models.CharField(max_length=2000, blank=True, editable=False)
    alt = models.CharField("what it shows", max_length=ALT_LENGTH, blank=True)
    uploaded_at = models.DateTimeField(default=timezone.now, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    processing_started_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "pictures"
        indexes: ClassVar[list[models.Index]] = [
            # For the jobs: pictures to process, and detached ones to delete. Few among many.
            models.Index(
                fields=["uploaded_at"],
                name="idx_pictures_waiting",
                condition=models.Q(state="waiting"),
            ),
            models.Index(
                fields=["uploaded_at"],
                name="idx_pictures_let_go",
                condition=models.Q(moment=None),
            ),
        ]

    def __str__(self) -> str:
        return f"picture of moment {self.moment_id}"

    @property
    def is_ready(self) -> bool:
        """Whether its files are made, so that pages can show it."""
        return self.state == self.State.READY

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths that its files have, in pixels."""
        return list_widths(self.width)

    @property
    def is_wide(self) -> bool:
        """Whether it can fill the width of a page without being too high."""
        return self.width >= WIDE_RATIO * self.height

    @property
    def token(self) -> str:
        """The secret part of its URLs.

        It depends on the moment's visibility. When the visibility changes, the
        picture gets new URLs, and the old ones answer 404.
        """
        assert self.moment is not None
        return salted_hmac(
            "timeline.Picture", f"{self.key}:{self.moment.visibility}", algorithm="sha256"
        ).hexdigest()[:32]

    def is_token_valid(self, token: str) -> bool:
        """Return whether a URL's token is right for the moment's current visibility."""
        return constant_time_compare(token, self.token)

    def build_url(self, width: int, extension: str) -> str:
        """Return the URL of one of its files."""
        assert self.moment is not None
        return f"/pictures/{self.moment.public_id}/{self.token}/{width}.{extension}"

    def get_storage_name(self, width: int, extension: str) -> str:
        """Return the name of one of its files in the storage."""
        return f"{self.key}/{width}.{extension}"

    def _srcset(self, extension: str, widths: tuple[int, ...]) -> str:
        return ", ".join(f"{self.build_url(width, extension)} {width}w" for width in widths)

    @property
    def avif(self) -> str:
        """The ``srcset`` in AVIF, for the moment's page."""
        return self._srcset("avif", self.widths)

    @property
    def webp(self) -> str:
        """The ``srcset`` in WebP, for the moment's page."""
        return self._srcset("webp", self.widths)

    @property
    def jpeg(self) -> str:
        """The URL of the JPEG for browsers that support neither format."""
        fitting = [width for width in self.widths if width <= FALLBACK_WIDTH]
        return self.build_url(fitting[-1] if fitting else self.widths[0], "jpg")

    @property
    def largest(self) -> str:
        """The URL of the largest JPEG, for link previews on other sites."""
        return self.build_url(self.width, "jpg")

    @property
    def small_avif(self) -> str:
        """The ``srcset`` of the thumbnail in lists, in AVIF."""
        return self._srcset("avif", self.widths[: len(THUMBNAIL_WIDTHS)])

    @property
    def small(self) -> str:
        """The URL of the smallest WebP, for browsers without AVIF."""
        return self.build_url(self.widths[0], "webp")
