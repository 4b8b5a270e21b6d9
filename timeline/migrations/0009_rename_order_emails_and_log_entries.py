"""Rename the models and fields of orders and payments; the tables keep their names."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("timeline", "0008_no_lock_for_the_late"),
    ]

    operations = [
        migrations.RenameModel("OrderEntry", "OrderLogEntry"),
        migrations.RenameField("orderlogentry", "what", "message"),
        migrations.RenameField("orderlogentry", "at", "created_at"),
        migrations.AlterModelOptions(
            "orderlogentry",
            {"ordering": ["created_at", "pk"], "verbose_name_plural": "order log entries"},
        ),
        migrations.AlterField(
            "orderlogentry",
            "order",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="log_entries",
                to="timeline.order",
            ),
        ),
        migrations.RenameModel("Notice", "OrderEmail"),
        migrations.AlterField(
            "orderemail",
            "order",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="emails",
                to="timeline.order",
            ),
        ),
        migrations.RenameField("checkout", "asked_at", "polled_at"),
        migrations.AlterField(
            "checkout",
            "polled_at",
            models.DateTimeField("provider last polled", null=True, blank=True),
        ),
        migrations.RenameField("refund", "asked_by", "requested_by"),
    ]
