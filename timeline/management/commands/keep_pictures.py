"""``manage.py keep_pictures``: makes the pictures that wait, deletes the files of those that are let go."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.pictures import letting_go, making


class Command(BaseCommand):
    """What the tasks did not get done. Safe to run at any time, and twice at once."""

    help = "Make pictures that wait, and delete the files of those that are let go."

    def handle(self, *args: Any, **options: Any) -> None:
        made, purged = making.make_waiting(), letting_go.purge_waiting()
        self.stdout.write(f"{made} made, {purged} deleted.")
