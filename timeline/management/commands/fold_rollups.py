"""``manage.py fold_rollups``: update the counts of longer periods. The worker runs it periodically."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services import rollups


class Command(BaseCommand):
    """Fold the changes of days into the counts of their months, years and centuries."""

    help = "Add the changes of changed days to the counts of months, years and centuries."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{rollups.fold()} days folded.")
