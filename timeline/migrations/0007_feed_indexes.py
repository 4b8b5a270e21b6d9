"""Indexes that feeds and tags read by. Not one transaction, so that they are built beside whoever writes."""

from django.db import migrations, models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Greatest

from timeline.db.operations import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("timeline", "0006_hold_at_once")]

    operations = [
        AddIndexConcurrently(
            model_name="moment",
            index=models.Index(
                Greatest("status_changed_at", "updated_at"),
                models.F("id"),
                condition=models.Q(("status", "active"), ("visibility", "public")),
                name="idx_moments_public_changed",
            ),
        ),
        AddIndexConcurrently(
            model_name="moment",
            index=models.Index(
                models.F("user_id"),
                Greatest("status_changed_at", "updated_at"),
                models.F("id"),
                condition=models.Q(("status", "active"), ("visibility", "public")),
                name="idx_moments_user_changed",
            ),
        ),
        AddIndexConcurrently(
            model_name="momenttag",
            index=models.Index(
                models.F("tag"),
                CombinedExpression(models.F("id"), "*", models.Value(-1)),
                name="idx_moment_tags_newest",
            ),
        ),
    ]
