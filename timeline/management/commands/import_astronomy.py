"""``manage.py import_astronomy``: import solstices, equinoxes, moon phases and eclipses as moments."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.models import User
from timeline.core.exceptions import TimelineError
from timeline.services.imports import astronomy
from timeline.services.imports.importer import ImportReport, import_rows


class Command(BaseCommand):
    """Compute astronomical events and import them as moments. Can be repeated at any time."""

    help = "Compute solstices, equinoxes, moon phases and eclipses and make moments of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from-year", type=int, required=True)
        parser.add_argument("--to-year", type=int, required=True, help="included")
        parser.add_argument("--dry-run", action="store_true", help="report, but write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = astronomy.generate_rows(options["from_year"], options["to_year"])
        report = ImportReport()
        try:
            import_rows(
                tqdm(rows, unit=" rows", disable=None),
                lambda: User.objects.get_or_create_curator("almanac", "The Almanac"),
                report,
                dry_run=options["dry_run"],
            )
        except TimelineError as error:
            self.stdout.write("\n".join(report.format_lines()))
            raise CommandError(str(error)) from error
        self.stdout.write("\n".join(report.format_lines()))
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was written.")
