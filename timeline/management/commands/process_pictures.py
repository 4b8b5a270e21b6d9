"""``manage.py process_pictures``: process waiting pictures, and delete the files of detached ones."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services.pictures import deletion, processing


class Command(BaseCommand):
    """Finish what the background tasks left undone. Safe to run at any time, and twice at once."""

    help = "Process pictures that wait, and delete the files of those that are detached from their moment."

    def handle(self, *args: Any, **options: Any) -> None:
        processed, deleted = (
            processing.process_waiting_pictures(),
            deletion.delete_detached_pictures(),
        )
        self.stdout.write(f"{processed} made, {deleted} deleted.")
