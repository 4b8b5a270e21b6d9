"""``python -m tests.budgets``: print the size of each public page, and check it against its limits.

Measures the public pages with the moments in the configured database. Exits with 1 if a page breaks a limit.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

import django

from tests import budgets

COLUMNS = ("HTML", "CSS", "scripts", "images")


def main(out: TextIO = sys.stdout) -> int:
    logging.disable(logging.INFO)  # a line for each request
    try:
        report = budgets.measure()
    finally:
        logging.disable(logging.NOTSET)
    print(
        f"Bytes raw/sent. Limits: HTML with CSS {budgets.FIRST_VIEW_LIMIT} sent,"
        f" scripts before interaction {budgets.SCRIPTS_LIMIT} sent.\n",
        file=out,
    )
    titles = "".join(f"{title:>15}" for title in COLUMNS)
    print(f"{'':40}{titles}{'first view':>12}", file=out)
    for page in report.pages:
        print(_format_row(page), file=out)
    if report.unreached:
        print(f"\nNo link leads a visitor to: {', '.join(report.unreached)}", file=out)
    broken = sum(bool(page.problems) for page in report.pages)
    if broken:
        print(f"\n{broken} of {len(report.pages)} pages break a limit.", file=out)
        return 1
    print(f"\n{len(report.pages)} pages keep their limits.", file=out)
    return 0


def _format_row(page: budgets.Page) -> str:
    cells = "".join(_format_cell(size) for size in (page.html, page.css, page.scripts, page.images))
    row = f"{page.address[:39]:40}{cells}{page.first_view:>12}"
    if page.problems:
        return f"{row}  ERROR {'; '.join(page.problems)}"
    if page.warnings:
        return f"{row}  near {'; '.join(page.warnings)}"
    return row


def _format_cell(size: budgets.Size) -> str:
    return f"{f'{size.raw}/{size.sent}' if size.raw else '-':>15}"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "momentverse.settings")
    django.setup()
    sys.exit(main())
