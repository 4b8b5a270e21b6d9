"""The timeline and its moments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TimelineConfig(AppConfig):
    """Moments, their rules, their pages."""

    name = "timeline"

    def ready(self) -> None:
        """Watch for what would leave SQLite without its rules; say what is held on people."""
        from accounts.personal_data import register
        from timeline import (  # noqa: F401  shown: its receivers
            claims,
            personal_data,
            personal_likes,
            personal_orders,
            personal_reports,
            shown,
        )
        from timeline.database_rules import restore_rules, suspend_rules
        from timeline.payments.checkout import close_overdue

        pre_migrate.connect(suspend_rules, sender=self, dispatch_uid="timeline_rules_off")
        post_migrate.connect(restore_rules, sender=self, dispatch_uid="timeline_rules")
        register(personal_data.SOURCE)
        register(personal_likes.SOURCE)
        register(personal_orders.SOURCE)
        register(personal_reports.SOURCE)
        claims.payment_overdue.connect(close_overdue, dispatch_uid="timeline_payment_overdue")
