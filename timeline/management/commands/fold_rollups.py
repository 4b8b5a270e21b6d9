"""``manage.py fold_rollups``: keeps the coarser counts folded; the worker runs it again and again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services import rollups


class Command(BaseCommand):
    """Adds the changes of changed days to their months, years and centuries."""

    help = "Add the changes of changed days to the counts of months, years and centuries."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{rollups.fold()} days folded.")
