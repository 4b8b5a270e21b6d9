"""``manage.py check_rollups``: compare the stored counts to a recount."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from timeline.services import rollups


class Command(BaseCommand):
    """Compare the stored counts of all levels to a recount. Fails if they differ."""

    help = "Compare the stored counts of days, months, years and centuries to a recount."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = 0
        for line in rollups.find_differences():
            differences += 1
            self.stdout.write(line)
        if differences:
            raise CommandError(f"The stored counts differ from a recount: {differences} times.")
        self.stdout.write("The stored counts equal a recount.")
