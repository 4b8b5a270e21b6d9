"""A moment: a span of time with one owner."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from momentverse.timezones import TIME_ZONES, TZDATA_VERSION, validate_time_zone
from timeline.core.exceptions import InvalidSpan
from timeline.core.formatting import format_duration, format_timestamp
from timeline.core.public_ids import encode_id, random_id
from timeline.core.spans import (
    MAX_DURATION,
    WINDOW_END,
    WINDOW_MESSAGE,
    WINDOW_START,
    Span,
    format_instant,
)
from timeline.core.text import build_slug, normalize_line, normalize_text
from timeline.db.functions import DurationSeconds, IsWholeSecond, MonthDay

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from timeline.models.picture import Picture
    from timeline.models.tag import Tag

    Viewer = AbstractBaseUser | AnonymousUser | None

TITLE_LENGTH = 120
STORY_LENGTH = 5000
# The function that normalises each text that people write.
TEXT_NORMALIZERS = {
    "title": normalize_line,
    "story": normalize_text,
    "place": normalize_line,
    "source": normalize_line,
}


class Status(models.TextChoices):
    """The life of a moment, from the hold on its span to its end."""

    HELD = "held", "Held"
    PAYING = "paying", "Being paid for"
    ACTIVE = "active", "Active"
    REVOKED = "revoked", "Revoked"
    RELEASED = "released", "Released"


# Moments with these statuses occupy their span. The constraint `no_overlap_active` covers the same ones.
OCCUPYING = (Status.HELD, Status.PAYING, Status.ACTIVE)


class Visibility(models.TextChoices):
    """Who may see a moment. That its span is taken is always public."""

    PUBLIC = "public", "Public"
    UNLISTED = "unlisted", "Unlisted: whoever has the address"
    PRIVATE = "private", "Private: only me"


# In the same form as the condition of the partial indexes, so that queries can use these.
IS_PUBLIC = Q(status=Status.ACTIVE, visibility=Visibility.PUBLIC)
# A hold whose time is over, by the database's clock. Others may claim its span even before it is released.
EXPIRED_HOLD = Q(status=Status.HELD, held_until__lte=Now())
# When a moment last changed for its readers: its status or its details.
CHANGED_AT = Greatest("status_changed_at", "updated_at")
CARD_COLUMNS = (
    "title", "starts_at", "ends_at", "place", "visibility",
    "picture__moment", "picture__key", "picture__state", "picture__width", "picture__height",
)  # fmt: skip


class MomentQuerySet(models.QuerySet["Moment"]):
    """The standard queries on moments."""

    def visible_to(self, viewer: Viewer, *, by_address: bool = False) -> MomentQuerySet:
        """Return the moments that ``viewer`` may see. Everything that shows moments must use this.

        These are the public moments and the viewer's own active ones. With
        ``by_address`` also the unlisted ones: that is for pages at a moment's own
        URL, which is how people share an unlisted moment.
        """
        is_visible = IS_PUBLIC
        if by_address:
            is_visible = Q(
                status=Status.ACTIVE, visibility__in=[Visibility.PUBLIC, Visibility.UNLISTED]
            )
        if viewer is not None and viewer.is_authenticated:
            is_visible |= Q(status=Status.ACTIVE, user_id=viewer.pk)
        return self.filter(is_visible)

    def occupying(self) -> MomentQuerySet:
        """Return the moments that occupy their span. Expired holds are included until they are released."""
        return self.filter(status__in=OCCUPYING)

    def expired_holds(self) -> MomentQuerySet:
        """Return the holds whose time is over, by the database's clock."""
        return self.filter(EXPIRED_HOLD)

    def without_expired_holds(self) -> MomentQuerySet:
        """Exclude the holds whose time is over, by the database's clock."""
        return self.exclude(EXPIRED_HOLD)

    def overlapping(self, start: dt.datetime, end: dt.datetime) -> MomentQuerySet:
        """Return the moments that overlap ``[start, end)``.

        No moment is longer than 24 hours, which gives the scan of ``starts_at`` a
        lower bound. Without the bound, the database would read the index from the
        beginning of time. (Starting at the last moment before ``start``, found by a
        subquery, would read less. But PostgreSQL cannot estimate such a bound, and
        then reads and sorts a whole month for the first page.)
        """
        # Not before the window, because Python's calendar ends a day before it.
        earliest = max(start, WINDOW_START) - MAX_DURATION
        return self.filter(starts_at__gt=earliest, starts_at__lt=end, ends_at__gt=start)

    def for_cards(self) -> MomentQuerySet:
        """Fetch only the columns that a card in a list shows. ``attach_tag_names`` adds the tags."""
        return self.select_related("picture").only(*CARD_COLUMNS)

    def for_cards_with_owners(self) -> MomentQuerySet:
        """Fetch only the columns that a card with the owner's name shows."""
        return self.select_related("user", "picture").only(
            *CARD_COLUMNS, "user__handle", "user__display_name"
        )


MomentManager = models.Manager.from_queryset(MomentQuerySet)


class Moment(models.Model):
    """A span ``[starts_at, ends_at)`` in UTC, in whole seconds, 1 s to 24 h, with one owner.

    The instants are POSIX time: a day has 86,400 seconds, and leap seconds do not
    exist. The instants are authoritative and never change. The zone and the offset
    in which they were entered are stored to show them in the same way again.
    """

    id = models.BigIntegerField(primary_key=True, default=random_id, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="moments",
        verbose_name="owner",
        db_index=False,  # idx_moments_user_time covers it
    )
    starts_at = models.DateTimeField("start")
    ends_at = models.DateTimeField("end", help_text="The first second that is not the moment's.")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    status_changed_at = models.DateTimeField(default=timezone.now, editable=False)
    status_reason = models.CharField(max_length=200, blank=True, editable=False)
    visibility = models.CharField(
        max_length=8, choices=Visibility.choices, default=Visibility.PUBLIC
    )
    title = models.CharField(max_length=TITLE_LENGTH)
    story = models.TextField(
        max_length=STORY_LENGTH, blank=True, validators=[MaxLengthValidator(STORY_LENGTH)]
    )
    place = models.CharField(max_length=120, blank=True)
    tags: models.ManyToManyField[Tag, Any] = models.ManyToManyField(
        "timeline.Tag", through="timeline.MomentTag", related_name="moments", blank=True
    )
    time_zone = models.CharField(
        "entered in time zone",
        max_length=64,
        default="UTC",
        help_text="IANA name.",
        validators=[validate_time_zone],
    )
    utc_offset = models.IntegerField(
        "offset from UTC", default=0, editable=False, help_text="Seconds, at the start."
    )
    tzdata_version = models.CharField(max_length=10, blank=True, editable=False)
    source = models.CharField(
        max_length=200, blank=True, help_text="Where the time can be looked up."
    )
    external_id = models.CharField(max_length=100, blank=True, editable=False)
    # Set when staff hide a moment. It stays private until staff unhide it, whatever its owner wants.
    hidden_at = models.DateTimeField(null=True, blank=True, editable=False)
    hidden_reason = models.CharField(max_length=200, blank=True, editable=False, db_default="")
    visibility_before_hiding = models.CharField(
        "visibility before it was hidden", max_length=8, blank=True, editable=False, db_default=""
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    # The names of its tags, in order. Only set by `selectors.moments.attach_tag_names`.
    tag_names: list[str]

    objects: ClassVar[MomentManager] = MomentManager()

    class Meta:
        db_table = "moments"
        ordering: ClassVar[list[str]] = ["starts_at"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user_id", "starts_at"], name="idx_moments_user_time"),
            models.Index(fields=["starts_at", "ends_at"], name="idx_moments_time_range"),
            models.Index(fields=["status", "starts_at"], name="idx_moments_status_time"),
            models.Index(
                fields=["starts_at", "ends_at"],
                name="idx_moments_public_time",
                condition=IS_PUBLIC,
            ),
            models.Index(
                MonthDay("starts_at"),
                "starts_at",
                name="idx_moments_public_month_day",
                condition=IS_PUBLIC,
            ),
            # For feeds: the latest changes, of everybody and of one person.
            models.Index(CHANGED_AT, "id", name="idx_moments_public_changed", condition=IS_PUBLIC),
            models.Index(
                "user_id", CHANGED_AT, "id", name="idx_moments_user_changed", condition=IS_PUBLIC
            ),
            # For the open claims of a person, and for the release of expired holds: few rows among many.
            models.Index(
                fields=["user_id", "starts_at"],
                name="idx_moments_user_open",
                condition=Q(status__in=["held", "paying"]),
            ),
            models.Index(
                fields=["held_until"], name="idx_moments_held_until", condition=Q(status="held")
            ),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(starts_at__gte=WINDOW_START, ends_at__lte=WINDOW_END),
                name="moment_in_window",
                violation_error_message=WINDOW_MESSAGE,
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="moment_ends_after_start",
                violation_error_message="A moment ends after it starts.",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    DurationSeconds("starts_at", "ends_at"), int(MAX_DURATION.total_seconds())
                ),
                name="moment_at_most_24_hours",
                violation_error_message="A moment is at most 24 hours long.",
            ),
            models.CheckConstraint(
                condition=Q(IsWholeSecond("starts_at")) & Q(IsWholeSecond("ends_at")),
                name="moment_whole_seconds",
                violation_error_message="The timeline counts in whole seconds.",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="moment_status_known"
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=Visibility.values), name="moment_visibility_known"
            ),
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=True) | Q(visibility=Visibility.PRIVATE),
                name="moment_hidden_is_private",
                violation_error_message="Staff has hidden this moment: until that ends it stays private.",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.HELD) | Q(held_until__isnull=False),
                name="moment_hold_has_an_end",
            ),
            # A held span has no title yet.
            models.CheckConstraint(
                condition=~Q(title="") | Q(status__in=["held", "released"]),
                name="moment_has_a_title",
            ),
            models.UniqueConstraint(
                fields=["user", "external_id"],
                condition=~Q(external_id=""),
                name="moment_external_id_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"{self.when}, {self.length}"

    def get_absolute_url(self) -> str:
        """Return the URL of the moment's page."""
        # Not reversed: a list of fifty cards needs fifty, and reversing one takes longer than its row.
        return f"/moments/{encode_id(self.pk)}/{build_slug(self.title)}/"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Normalise the texts, then validate each field.

        In this order, because normalising can lengthen a text. Raises
        ValidationError with a sentence for each field.
        """
        excluded = set(exclude or ())
        errors: dict[str, Any] = {}
        for field, normalize in TEXT_NORMALIZERS.items():
            text = getattr(self, field)
            if field not in excluded and (text or field == "title"):
                try:
                    setattr(self, field, normalize(text))
                except ValidationError as error:
                    errors[field] = error.messages
        try:
            super().clean_fields(exclude=excluded | errors.keys())
        except ValidationError as error:
            errors |= error.update_error_dict({})
        if errors:
            raise ValidationError(errors)

    def clean(self) -> None:
        """Validate the span and record its offset from UTC. Raises ValidationError."""
        if not self.starts_at or not self.ends_at:
            return
        try:
            self.span  # noqa: B018  the property checks
        except InvalidSpan as error:
            raise ValidationError({"ends_at": str(error)}) from error
        if self.time_zone in TIME_ZONES:
            self.record_utc_offset()

    def record_utc_offset(self) -> None:
        """Set the zone's offset at the start, and the version of the rules that gave it."""
        offset = self.starts_at.astimezone(zoneinfo.ZoneInfo(self.time_zone)).utcoffset()
        self.utc_offset = int(offset.total_seconds()) if offset else 0
        self.tzdata_version = TZDATA_VERSION

    @property
    def span(self) -> Span:
        """The span. Raises InvalidSpan if the two instants do not form one."""
        return Span(self.starts_at, self.ends_at)

    @property
    def ready_picture(self) -> Picture | None:
        """The picture, if there is one and it is processed."""
        # In a template, the lookup of a missing picture takes as long as the rest of a card.
        picture: Picture | None = getattr(self, "picture", None)
        return picture if picture and picture.is_ready else None

    @property
    def is_occupying(self) -> bool:
        """Whether the moment occupies its span."""
        return self.status in OCCUPYING

    @property
    def public_id(self) -> str:
        """The id as it appears in URLs."""
        return encode_id(self.pk)

    @property
    def slug(self) -> str:
        """The readable part of the URL."""
        return build_slug(self.title)

    @property
    def changed_at(self) -> dt.datetime:
        """When it last changed for its readers. The same as ``CHANGED_AT`` in the database."""
        return max(self.status_changed_at, self.updated_at)

    @property
    def starts_iso(self) -> str:
        """The start for ``<time datetime>``."""
        return format_instant(self.starts_at)

    @property
    def when(self) -> str:
        """The start in UTC, formatted."""
        return format_timestamp(self.starts_at)

    @property
    def length(self) -> str:
        """The length, formatted."""
        return format_duration(self.ends_at - self.starts_at)

    @property
    def local_start(self) -> str:
        """The start in local time, formatted, with the offset stored with the moment."""
        zone = dt.timezone(dt.timedelta(seconds=self.utc_offset))
        return format_timestamp(self.starts_at.astimezone(zone), suffix="")
