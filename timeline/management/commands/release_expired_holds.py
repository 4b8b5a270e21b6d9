"""``manage.py release_expired_holds``: releases holds whose time is over."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services.claims import holds


class Command(BaseCommand):
    """Only hygiene: a lapsed hold is free at once. Safe to run at any time, and twice at once."""

    help = "Release holds whose time is over, and close their orders."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{holds.sweep()} released.")
