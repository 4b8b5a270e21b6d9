"""The picture of a moment."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from timeline.core.picture_formats import FALLBACK_WIDTH, THUMBNAIL_WIDTHS, list_widths

ALT_LENGTH = 250
# Wider than this in relation to its height, it may take a page's whole width.
WIDE_RATIO = 1.25


class Picture(models.Model):
    """What a moment's owner has uploaded, and what was made of it.

    Its files lie in the storage under ``key``. One that has no moment is let
    go: nothing leads to it any more, and its files are deleted.
    """

    class State(models.TextChoices):
        """How far it is."""

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
            # What there is to do: to make, and to delete. Few among many.
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
        """Whether it can be shown."""
        return self.state == self.State.READY

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths that it is kept in."""
        return list_widths(self.width)

    @property
    def is_wide(self) -> bool:
        """Whether it may take a page's whole width without being too high for it."""
        return self.width >= WIDE_RATIO * self.height

    @property
    def token(self) -> str:
        """The part of its addresses that nobody guesses.

        It is made of who may see the moment: with another visibility the
        picture has another address, and there is nothing at the old one.
        """
        assert self.moment is not None
        return salted_hmac(
            "timeline.Picture", f"{self.key}:{self.moment.visibility}", algorithm="sha256"
        ).hexdigest()[:32]

    def is_token_valid(self, token: str) -> bool:
        """Tell whether an address is of this picture, as its moment is seen now."""
        return constant_time_compare(token, self.token)

    def address(self, width: int, ending: str) -> str:
        """Return where one of its files is."""
        assert self.moment is not None
        return f"/pictures/{self.moment.public_id}/{self.token}/{width}.{ending}"

    def file(self, width: int, ending: str) -> str:
        """Return what one of its files is called in the storage."""
        return f"{self.key}/{width}.{ending}"

    def _srcset(self, ending: str, widths: tuple[int, ...]) -> str:
        return ", ".join(f"{self.address(width, ending)} {width}w" for width in widths)

    @property
    def avif(self) -> str:
        """``srcset`` of the page's picture."""
        return self._srcset("avif", self.widths)

    @property
    def webp(self) -> str:
        """``srcset`` of the page's picture."""
        return self._srcset("webp", self.widths)

    @property
    def jpeg(self) -> str:
        """Address for whoever knows neither."""
        fitting = [width for width in self.widths if width <= FALLBACK_WIDTH]
        return self.address(fitting[-1] if fitting else self.widths[0], "jpg")

    @property
    def largest(self) -> str:
        """Address of the largest JPEG: for previews elsewhere."""
        return self.address(self.width, "jpg")

    @property
    def small_avif(self) -> str:
        """``srcset`` of the small picture in lists."""
        return self._srcset("avif", self.widths[: len(THUMBNAIL_WIDTHS)])

    @property
    def small(self) -> str:
        """Address of the smallest picture, in the older of the new formats."""
        return self.address(self.widths[0], "webp")
