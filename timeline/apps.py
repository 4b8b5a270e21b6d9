"""The timeline and its moments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TimelineConfig(AppConfig):
    """Moments, their rules, their pages."""

    name = "timeline"

    def ready(self) -> None:
        """Watch for what would leave SQLite without its rules; say what is held on people."""
        from accounts.privacy.registry import register_source
        from timeline import signals  # noqa: F401  its receivers
        from timeline.db.triggers import drop_sqlite_triggers, restore_sqlite_triggers
        from timeline.services.claims import holds
        from timeline.services.payments.checkout import close_overdue
        from timeline.services.personal_data import likes, moments, orders, reports

        pre_migrate.connect(drop_sqlite_triggers, sender=self, dispatch_uid="timeline_rules_off")
        post_migrate.connect(restore_sqlite_triggers, sender=self, dispatch_uid="timeline_rules")
        register_source(moments.SOURCE)
        register_source(likes.SOURCE)
        register_source(orders.SOURCE)
        register_source(reports.SOURCE)
        holds.payment_overdue.connect(close_overdue, dispatch_uid="timeline_payment_overdue")
