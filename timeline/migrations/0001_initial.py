"""Moments, their tags and earlier versions, and the counts by day and period."""

import datetime

from django.conf import settings
from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import migrations, models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Greatest
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from momentverse.timezones import validate_time_zone
from timeline.core.public_ids import random_id
from timeline.db.functions import DurationSeconds, IsWholeSecond, MonthDay


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=40,
                        unique=True,
                        validators=[
                            RegexValidator(
                                "^[a-z0-9]+(?:-[a-z0-9]+)*\\Z",
                                "A tag is lower-case letters a to z and digits, with single hyphens between words.",
                            )
                        ],
                    ),
                ),
            ],
            options={
                "db_table": "tags",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Moment",
            fields=[
                (
                    "id",
                    models.BigIntegerField(
                        default=random_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="start")),
                (
                    "ends_at",
                    models.DateTimeField(
                        help_text="The first second that is not the moment's.", verbose_name="end"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("held", "Held"),
                            ("paying", "Being paid for"),
                            ("active", "Active"),
                            ("revoked", "Revoked"),
                            ("released", "Released"),
                        ],
                        default="held",
                        max_length=8,
                    ),
                ),
                ("held_until", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "status_changed_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("status_reason", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "visibility",
                    models.CharField(
                        choices=[
                            ("public", "Public"),
                            ("unlisted", "Unlisted: whoever has the address"),
                            ("private", "Private: only me"),
                        ],
                        default="public",
                        max_length=8,
                    ),
                ),
                ("title", models.CharField(max_length=120)),
                (
                    "story",
                    models.TextField(
                        blank=True,
                        max_length=5000,
                        validators=[MaxLengthValidator(5000)],
                    ),
                ),
                ("place", models.CharField(blank=True, max_length=120)),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        help_text="IANA name.",
                        max_length=64,
                        validators=[validate_time_zone],
                        verbose_name="entered in time zone",
                    ),
                ),
                (
                    "utc_offset",
                    models.IntegerField(
                        default=0,
                        editable=False,
                        help_text="Seconds, at the start.",
                        verbose_name="offset from UTC",
                    ),
                ),
                ("tzdata_version", models.CharField(blank=True, editable=False, max_length=10)),
                (
                    "source",
                    models.CharField(
                        blank=True, help_text="Where the time can be looked up.", max_length=200
                    ),
                ),
                ("external_id", models.CharField(blank=True, editable=False, max_length=100)),
                ("hidden_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "hidden_reason",
                    models.CharField(blank=True, db_default="", editable=False, max_length=200),
                ),
                (
                    "visibility_before_hiding",
                    models.CharField(
                        blank=True,
                        db_default="",
                        editable=False,
                        max_length=8,
                        verbose_name="visibility before it was hidden",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="moments",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
            ],
            options={
                "db_table": "moments",
                "ordering": ["starts_at"],
                "indexes": [
                    models.Index(fields=["user_id", "starts_at"], name="idx_moments_user_time"),
                    models.Index(fields=["starts_at", "ends_at"], name="idx_moments_time_range"),
                    models.Index(fields=["status", "starts_at"], name="idx_moments_status_time"),
                    models.Index(
                        condition=models.Q(("status", "active"), ("visibility", "public")),
                        fields=["starts_at", "ends_at"],
                        name="idx_moments_public_time",
                    ),
                    models.Index(
                        MonthDay("starts_at"),
                        models.F("starts_at"),
                        condition=models.Q(("status", "active"), ("visibility", "public")),
                        name="idx_moments_public_month_day",
                    ),
                    models.Index(
                        Greatest("status_changed_at", "updated_at"),
                        models.F("id"),
                        condition=models.Q(("status", "active"), ("visibility", "public")),
                        name="idx_moments_public_changed",
                    ),
                    models.Index(
                        models.F("user_id"),
                        Greatest("status_changed_at", "updated_at"),
                        models.F("id"),
                        condition=models.Q(("status", "active"), ("visibility", "public")),
                        name="idx_moments_user_changed",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["held", "paying"])),
                        fields=["user_id", "starts_at"],
                        name="idx_moments_user_open",
                    ),
                    models.Index(
                        condition=models.Q(("status", "held")),
                        fields=["held_until"],
                        name="idx_moments_held_until",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "ends_at__lte",
                                datetime.datetime(9999, 12, 31, 0, 0, tzinfo=datetime.UTC),
                            ),
                            (
                                "starts_at__gte",
                                datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC),
                            ),
                        ),
                        name="moment_in_window",
                        violation_error_message="The timeline runs from 0001-01-02 to 9999-12-30 (UTC).",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="moment_ends_after_start",
                        violation_error_message="A moment ends after it starts.",
                    ),
                    models.CheckConstraint(
                        condition=LessThanOrEqual(DurationSeconds("starts_at", "ends_at"), 86400),
                        name="moment_at_most_24_hours",
                        violation_error_message="A moment is at most 24 hours long.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            IsWholeSecond("starts_at"),
                            IsWholeSecond("ends_at"),
                        ),
                        name="moment_whole_seconds",
                        violation_error_message="The timeline counts in whole seconds.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["held", "paying", "active", "revoked", "released"])
                        ),
                        name="moment_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("visibility__in", ["public", "unlisted", "private"])),
                        name="moment_visibility_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("hidden_at__isnull", True), ("visibility", "private"), _connector="OR"
                        ),
                        name="moment_hidden_is_private",
                        violation_error_message="Staff has hidden this moment: until that ends it stays private.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "held"), _negated=True),
                            ("held_until__isnull", False),
                            _connector="OR",
                        ),
                        name="moment_hold_has_an_end",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("title", ""), _negated=True),
                            ("status__in", ["held", "released"]),
                            _connector="OR",
                        ),
                        name="moment_has_a_title",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("external_id", ""), _negated=True),
                        fields=("user", "external_id"),
                        name="moment_external_id_unique",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MomentTag",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("starts_at", models.DateTimeField(editable=False)),
                (
                    "moment",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="moment_tags",
                        to="timeline.moment",
                    ),
                ),
                (
                    "tag",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="moment_tags",
                        to="timeline.tag",
                    ),
                ),
            ],
            options={
                "db_table": "moment_tags",
                "ordering": ["tag__name"],
                "indexes": [
                    models.Index(fields=["tag", "starts_at"], name="idx_moment_tags_tag_time"),
                    models.Index(
                        models.F("tag"),
                        CombinedExpression(models.F("id"), "*", models.Value(-1)),
                        name="idx_moment_tags_newest",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("moment", "tag"), name="moment_tag_unique")
                ],
            },
        ),
        migrations.AddField(
            model_name="moment",
            name="tags",
            field=models.ManyToManyField(
                blank=True, related_name="moments", through="timeline.MomentTag", to="timeline.tag"
            ),
        ),
        migrations.CreateModel(
            name="MomentRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "replaced_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("title", models.CharField(max_length=120)),
                ("story", models.TextField(blank=True)),
                ("place", models.CharField(blank=True, max_length=120)),
                ("visibility", models.CharField(max_length=8)),
                (
                    "tags",
                    models.CharField(
                        blank=True, help_text="Names, with spaces between.", max_length=900
                    ),
                ),
                (
                    "moment",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="revisions",
                        to="timeline.moment",
                    ),
                ),
            ],
            options={
                "db_table": "moment_revisions",
                "ordering": ["-replaced_at", "-pk"],
            },
        ),
        migrations.CreateModel(
            name="RollupDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("moments", models.IntegerField(default=0)),
                ("seconds", models.IntegerField(default=0)),
                ("folded_moments", models.IntegerField(default=0)),
                ("folded_seconds", models.IntegerField(default=0)),
                ("dirty", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "rollup_days",
                "indexes": [
                    models.Index(
                        condition=models.Q(("dirty", True)),
                        fields=["day"],
                        name="idx_rollup_days_dirty",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RollupPeriod",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level",
                        "starts_on",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[("month", "Month"), ("year", "Year"), ("century", "Century")],
                        max_length=7,
                    ),
                ),
                ("starts_on", models.DateField()),
                ("moments", models.BigIntegerField(default=0)),
                ("seconds", models.BigIntegerField(default=0)),
            ],
            options={
                "db_table": "rollup_periods",
            },
        ),
    ]
