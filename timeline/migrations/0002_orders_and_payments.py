"""Orders with their log and mails, checkouts, refunds, payment events and sandbox sessions."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

from timeline.core.public_ids import random_id


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Order",
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
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Not paid yet"),
                            ("paid", "Paid"),
                            ("closed", "Not paid, over"),
                            ("refunding", "Refund on its way"),
                            ("refunded", "Refunded"),
                            ("disputed", "Disputed"),
                            ("lost", "Charged back"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "amount",
                    models.PositiveBigIntegerField(help_text="In minor units of the currency."),
                ),
                ("tariff", models.JSONField(default=dict)),
                ("lines", models.JSONField(default=list)),
                (
                    "extensions",
                    models.PositiveSmallIntegerField(
                        default=0, verbose_name="times that the hold was extended"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                (
                    "status_changed_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("paid_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "moment",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
                        related_name="order",
                        to="timeline.moment",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "orders",
                "indexes": [
                    models.Index(fields=["user", "created_at"], name="idx_orders_user_time"),
                    models.Index(
                        condition=models.Q(("status__in", ["open", "refunding", "disputed"])),
                        fields=["created_at"],
                        name="idx_orders_unsettled",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "open",
                                    "paid",
                                    "closed",
                                    "refunding",
                                    "refunded",
                                    "disputed",
                                    "lost",
                                ],
                            )
                        ),
                        name="order_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 0)), name="order_amount_not_negative"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderLogEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("message", models.CharField(max_length=200)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="log_entries",
                        to="timeline.order",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "order log entries",
                "db_table": "order_entries",
                "ordering": ["created_at", "pk"],
            },
        ),
        migrations.CreateModel(
            name="OrderEmail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("receipt", "Receipt"),
                            ("expired", "The hold ended while paying"),
                            ("refund", "Refund on its way"),
                            ("refunded", "Refunded"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sending", "Handed to the mail server"),
                            ("sent", "Sent"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=200)),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("sent_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="emails",
                        to="timeline.order",
                    ),
                ),
            ],
            options={
                "db_table": "notices",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["created_at"],
                        name="idx_notices_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("order", "kind"), name="notice_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkout",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=60, unique=True)),
                ("session_id", models.CharField(blank=True, max_length=200)),
                ("url", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("intended", "About to be opened"),
                            ("open", "Open"),
                            ("pending", "Done by the buyer, the money is on its way"),
                            ("paid", "Paid"),
                            ("expired", "Expired"),
                            ("failed", "The money did not come"),
                            ("abandoned", "Given up by us; must not stay open"),
                        ],
                        default="intended",
                        max_length=9,
                    ),
                ),
                ("amount", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("captured", models.PositiveBigIntegerField(blank=True, null=True)),
                ("captured_currency", models.CharField(blank=True, max_length=3)),
                ("payment_id", models.CharField(blank=True, max_length=200)),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("expires_at", models.DateTimeField()),
                (
                    "polled_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="provider last polled"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="checkouts",
                        to="timeline.order",
                    ),
                ),
            ],
            options={
                "db_table": "checkouts",
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("state__in", ["intended", "open", "pending", "abandoned"])
                        ),
                        fields=["created_at"],
                        name="idx_checkouts_unsettled",
                    ),
                    models.Index(
                        condition=models.Q(("payment_id", ""), _negated=True),
                        fields=["payment_id"],
                        name="idx_checkouts_payment",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["intended", "open", "pending"])),
                        fields=("order",),
                        name="checkout_one_open",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("session_id", ""), _negated=True),
                        fields=("provider", "session_id"),
                        name="checkout_session_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "paid"), _negated=True),
                            ("captured__isnull", False),
                            _connector="OR",
                        ),
                        name="checkout_paid_is_captured",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Asked for"), ("done", "Confirmed by the provider")],
                        default="pending",
                        max_length=7,
                    ),
                ),
                ("amount", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("reason", models.CharField(max_length=200)),
                ("refund_id", models.CharField(blank=True, max_length=200)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("error", models.CharField(blank=True, max_length=200)),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("done_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "checkout",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
                        related_name="refund",
                        to="timeline.checkout",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "refunds",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["created_at"],
                        name="idx_refunds_pending",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("provider", models.CharField(max_length=20)),
                ("event_id", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=80)),
                ("session_id", models.CharField(blank=True, max_length=200)),
                ("payment_id", models.CharField(blank=True, max_length=200)),
                (
                    "received_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("applied_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("outcome", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "db_table": "payment_events",
                "indexes": [
                    models.Index(
                        condition=models.Q(("applied_at__isnull", True)),
                        fields=["received_at"],
                        name="idx_payment_events_todo",
                    ),
                    models.Index(
                        fields=["provider", "received_at"], name="idx_payment_events_time"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "event_id"), name="payment_event_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SandboxSession",
            fields=[
                ("session_id", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=60, unique=True)),
                ("reference", models.CharField(max_length=60)),
                ("description", models.CharField(max_length=200)),
                ("amount", models.PositiveBigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("intended", "About to be opened"),
                            ("open", "Open"),
                            ("pending", "Done by the buyer, the money is on its way"),
                            ("paid", "Paid"),
                            ("expired", "Expired"),
                            ("failed", "The money did not come"),
                            ("abandoned", "Given up by us; must not stay open"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("payment_id", models.CharField(blank=True, max_length=60)),
                ("refunded", models.PositiveBigIntegerField(default=0)),
                ("success_url", models.TextField()),
                ("cancel_url", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "sandbox_sessions",
                "indexes": [models.Index(fields=["created_at"], name="idx_sandbox_sessions_time")],
            },
        ),
    ]
