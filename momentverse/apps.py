"""The app config of ``momentverse``."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class MomentverseConfig(AppConfig):
    """Logs slow queries of every connection, and prepares the SQLite file."""

    name = "momentverse"

    def ready(self) -> None:
        from momentverse.db.slow_queries import watch_connection
        from momentverse.db.sqlite import enable_wal

        connection_created.connect(watch_connection, dispatch_uid="slow_queries")
        # From any sender: Django sends the signal only for apps with models, and this one has none.
        post_migrate.connect(enable_wal, dispatch_uid="enable_wal")
