"""``manage.py release_expired_holds``: release holds whose time is over."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services.claims import holds


class Command(BaseCommand):
    """Tidy up: an expired hold does not occupy its span, even before this command runs.

    Safe to run at any time, and twice at once.
    """

    help = "Release holds whose time is over, and close their orders."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{holds.close_expired_holds()} released.")
