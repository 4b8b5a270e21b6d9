"""Likes and their tallies, reports, and pictures."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0002_orders_and_payments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Like",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "liked_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("withdrawn", models.BooleanField(default=False)),
                ("counts_for_trending", models.BooleanField(default=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="likes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "moment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.CASCADE,
                        related_name="likes",
                        to="timeline.moment",
                    ),
                ),
            ],
            options={
                "db_table": "likes",
                "constraints": [
                    models.UniqueConstraint(fields=("moment", "user"), name="like_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="LikeTally",
            fields=[
                (
                    "moment",
                    models.OneToOneField(
                        on_delete=models.CASCADE,
                        primary_key=True,
                        related_name="like_tally",
                        serialize=False,
                        to="timeline.moment",
                    ),
                ),
                ("likes", models.IntegerField(default=0)),
                ("heat", models.FloatField(blank=True, null=True)),
            ],
            options={
                "db_table": "like_tallies",
                "indexes": [
                    models.Index(
                        models.OrderBy(models.F("heat"), descending=True),
                        models.OrderBy(models.F("moment"), descending=True),
                        condition=models.Q(("heat__isnull", False)),
                        name="idx_like_tallies_heat",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("likes__gte", 0)), name="like_tally_not_negative"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Report",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("wrong", "It is not true, or the time is wrong"),
                            ("private", "It tells what somebody wants kept private"),
                            ("hate", "It attacks or insults somebody"),
                            ("illegal", "It is against the law"),
                            ("spam", "It advertises, or means nothing"),
                            ("other", "Something else"),
                        ],
                        max_length=8,
                    ),
                ),
                ("comment", models.TextField(blank=True, max_length=1000)),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("dismissed", "Dismissed"),
                            ("hidden", "Moment hidden"),
                            ("revoked", "Moment revoked"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("handled_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("resolution", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "handled_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="handled_reports",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "moment",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="reports",
                        to="timeline.moment",
                    ),
                ),
                (
                    "reporter",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="reports",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "reports",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "open")),
                        fields=["created_at"],
                        name="idx_reports_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Picture",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(editable=False, max_length=32, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Being made"),
                            ("ready", "Shown"),
                            ("refused", "Refused"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("problem", models.CharField(blank=True, editable=False, max_length=200)),
                ("width", models.PositiveIntegerField(default=0, editable=False)),
                ("height", models.PositiveIntegerField(default=0, editable=False)),
                ("placeholder", models.CharField(blank=True, editable=False, max_length=2000)),
                ("alt", models.CharField(blank=True, max_length=250, verbose_name="what it shows")),
                (
                    "uploaded_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, editable=False)),
                ("processing_started_at", models.DateTimeField(editable=False, null=True)),
                (
                    "moment",
                    models.OneToOneField(
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="picture",
                        to="timeline.moment",
                    ),
                ),
            ],
            options={
                "db_table": "pictures",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["uploaded_at"],
                        name="idx_pictures_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("moment", None)),
                        fields=["uploaded_at"],
                        name="idx_pictures_let_go",
                    ),
                ],
            },
        ),
    ]
