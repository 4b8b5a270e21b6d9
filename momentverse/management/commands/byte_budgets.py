"""``manage.py byte_budgets``: what each public page costs, against its limits."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from momentverse.byte_budgets import FIRST_VIEW_LIMIT, SCRIPTS_LIMIT, Page, Size, measure

COLUMNS = ("HTML", "CSS", "scripts", "images")


class Command(BaseCommand):
    """Weighs the public pages with the moments that are there; fails when a page breaks a limit."""

    help = "Show what each public page costs in bytes, and fail when one breaks its limits."

    def handle(self, *args: Any, **options: Any) -> None:
        logging.disable(logging.INFO)  # a line for each page that is looked at
        try:
            found = measure()
        finally:
            logging.disable(logging.NOTSET)
        self.stdout.write(
            f"Bytes raw/sent. Limits: HTML with CSS {FIRST_VIEW_LIMIT} sent,"
            f" scripts before interaction {SCRIPTS_LIMIT} sent.\n"
        )
        titles = "".join(f"{title:>15}" for title in COLUMNS)
        self.stdout.write(f"{'':40}{titles}{'first view':>12}")
        for page in found.pages:
            self.stdout.write(self._line(page))
        if found.not_reached:
            self.stdout.write(f"\nNothing leads a visitor to: {', '.join(found.not_reached)}")
        broken = sum(bool(page.problems) for page in found.pages)
        if broken:
            raise CommandError(f"{broken} of {len(found.pages)} pages break a limit.")
        self.stdout.write(f"\n{len(found.pages)} pages keep their limits.")

    def _line(self, page: Page) -> str:
        cells = "".join(_cell(size) for size in (page.html, page.css, page.scripts, page.images))
        line = f"{page.address[:39]:40}{cells}{page.first_view:>12}"
        if page.problems:
            return self.style.ERROR(f"{line}  ERROR {'; '.join(page.problems)}")
        if page.warnings:
            return self.style.WARNING(f"{line}  near {'; '.join(page.warnings)}")
        return line


def _cell(size: Size) -> str:
    return f"{f'{size.raw}/{size.sent}' if size.raw else '-':>15}"
