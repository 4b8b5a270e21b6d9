"""Start-up of the technical floor."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class MomentverseConfig(AppConfig):
    """Watches every database connection for slow queries, and prepares SQLite's file."""

    name = "momentverse"

    def ready(self) -> None:
        """Connect the receivers."""
        from momentverse.db.slow_queries import watch_connection
        from momentverse.db.sqlite import enable_wal

        connection_created.connect(watch_connection, dispatch_uid="slow_queries")
        # Of any app: Django sends the signal for apps with models only, and this one has none.
        post_migrate.connect(enable_wal, dispatch_uid="sqlite_journal")
