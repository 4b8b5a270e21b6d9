"""``manage.py import_moments FILE``: import moments from CSV, JSON Lines or iCalendar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.models import User
from timeline.core.exceptions import TimelineError
from timeline.services.imports.importer import ImportReport, import_rows
from timeline.services.imports.readers import READERS, get_reader


class Command(BaseCommand):
    """Import moments from a file. Can be repeated at any time."""

    help = "Import moments from a CSV, JSON Lines or iCalendar file; can be run again at any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=sorted(READERS), help="else the suffix tells")
        parser.add_argument("--owner", metavar="HANDLE", help="default: the curator @chronicle")
        parser.add_argument("--dry-run", action="store_true", help="report, but write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        report = ImportReport()
        try:
            self._import(options["file"], report, options)
        except (OSError, TimelineError) as error:
            self.stdout.write("\n".join(report.format_lines()))
            raise CommandError(f"{options['file']}: {error}") from error
        self.stdout.write("\n".join(report.format_lines()))
        if options["dry_run"]:
            self.stdout.write("Dry run: nothing was written.")

    def _import(self, path: Path, report: ImportReport, options: dict[str, Any]) -> None:
        reader = get_reader(path, options["format"])
        get_owner = _find_owner(options["owner"])
        with path.open("rb") as file:
            rows = tqdm(reader(file), unit=" rows", disable=None)
            import_rows(rows, get_owner, report, dry_run=options["dry_run"])


def _find_owner(handle: str | None) -> Callable[[], User]:
    """Return a function that returns the owner. It creates the curator's account, if that is missing."""
    if handle is None:
        return lambda: User.objects.get_or_create_curator("chronicle", "The Chronicle")
    try:
        user = User.objects.get(handle=handle.lower().removeprefix("@"))
    except User.DoesNotExist:
        raise CommandError(f"There is nobody called {handle}.") from None
    return lambda: user
