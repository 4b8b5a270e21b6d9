"""The timeline and its moments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TimelineConfig(AppConfig):
    """Moments, their rules, their pages."""

    name = "timeline"

    def ready(self) -> None:
        """Watch for what would leave SQLite without its rules; say what is held on people."""
        from accounts.privacy.registry import register
        from timeline import signals  # noqa: F401  its receivers
        from timeline.db.triggers import restore_rules, suspend_rules
        from timeline.services.claims import holds
        from timeline.services.payments.checkout import close_overdue
        from timeline.services.personal_data import likes, moments, orders, reports

        pre_migrate.connect(suspend_rules, sender=self, dispatch_uid="timeline_rules_off")
        post_migrate.connect(restore_rules, sender=self, dispatch_uid="timeline_rules")
        register(moments.SOURCE)
        register(likes.SOURCE)
        register(orders.SOURCE)
        register(reports.SOURCE)
        holds.payment_overdue.connect(close_overdue, dispatch_uid="timeline_payment_overdue")
