"""The timeline and its moments."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class TimelineConfig(AppConfig):
    """The app with moments, the rules for them, and their pages."""

    name = "timeline"

    def ready(self) -> None:
        """Connect the receivers, and register what the app stores about people.

        SQLite cannot change a table that its triggers name, so they are dropped before
        the migrations run and created again afterwards.
        """
        from accounts.privacy.registry import register_source
        from timeline import signals  # noqa: F401  connects the receivers
        from timeline.db.triggers import drop_sqlite_triggers, restore_sqlite_triggers
        from timeline.services.personal_data import likes, moments, orders, reports

        pre_migrate.connect(drop_sqlite_triggers, sender=self, dispatch_uid="timeline_rules_off")
        post_migrate.connect(restore_sqlite_triggers, sender=self, dispatch_uid="timeline_rules")
        register_source(moments.SOURCE)
        register_source(likes.SOURCE)
        register_source(orders.SOURCE)
        register_source(reports.SOURCE)
