"""The timeline and its moments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TimelineConfig(AppConfig):
    """Moments, their rules, their pages."""

    name = "timeline"

    def ready(self) -> None:
        """Watch for what would leave SQLite without its rules."""
        from timeline.database_rules import restore_rules

        post_migrate.connect(restore_rules, sender=self, dispatch_uid="timeline_rules")
