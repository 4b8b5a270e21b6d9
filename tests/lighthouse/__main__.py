"""``python -m tests.lighthouse``: every public page as Lighthouse sees it, beside the goals.

Serves the embedded default with the real moments that ship, and looks at one
page at a time: times are of a simulated slow phone or a desktop, and of the
machine it runs on, which should have nothing else to do.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from math import inf
from pathlib import Path

from tests.browser.conftest import chromium_path
from tests.lighthouse import tools
from tests.lighthouse.audits import CATEGORIES, FORMS, GOALS, Audit, Goals, report_of
from tests.support.servers import ROOT, gunicorn, site_environment

LOOKED_AT = ("mobile", "desktop")
COLUMNS = "{:<44}{:<9}{:>5}{:>5}{:>5}{:>5}{:>6}{:>7}{:>7}{:>6}{:>7}{:>9}"
PAGES = [
    "/", "/timeline/", "/timeline/centuries/", "/timeline/centuries/20/", "/timeline/1969/",
    "/timeline/1969/07/", "/timeline/1969/07/20/", "/timeline/1969/07/20/20/", "/tags/",
    "/tags/moon/", "/today/", "/today/07-20/", "/@chronicle/", "/trending/", "/search/",
    "/claim/", "/claim/clocks/", "/stars/", "/stars/32349/", "/accounts/login/", "/accounts/signup/",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="make lighthouse ARGS=…", description=__doc__)
    parser.add_argument("pages", nargs="*", help="addresses on the site; all public pages if none")
    parser.add_argument("--runs", type=int, default=3, help="of which the median counts")
    parser.add_argument("--form", choices=FORMS, action="append", help="mobile and desktop if none")
    chosen = parser.parse_args()
    tools.install()
    chromium = chromium_path()
    print(
        COLUMNS.format(
            "page",
            "form",
            "perf",
            "a11y",
            "best",
            "seo",
            "agent",
            "FCP",
            "LCP",
            "TBT",
            "CLS",
            "bytes",
        )
    )
    forms = chosen.form or LOOKED_AT
    for form in forms:
        print(goals_line(form, GOALS[form]))
    failed = False
    with tempfile.TemporaryDirectory(prefix="momentverse-lighthouse-") as folder:
        environment = site_environment(Path(folder))
        prepare(environment)
        with gunicorn(environment) as site:
            for page in chosen.pages or [*PAGES, moment_of(site.url)]:
                for form in forms:
                    audit = Audit.median(
                        Audit.of(report_of(site.url + page, chromium, form))
                        for _ in range(chosen.runs)
                    )
                    print(line(page, form, audit), flush=True)
                    for failure in (*GOALS[form].missed_by(audit), *audit.failed):
                        failed = True
                        print(f"    {failure}")
    return int(failed)


def prepare(environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def moment_of(site: str) -> str:
    """Return the address of the moment that a day is best known for."""
    with urllib.request.urlopen(f"{site}/timeline/1969/07/20/") as response:
        found = re.findall(r'href="(/moments/[^"]+)"', response.read().decode())
    return max(found, key=len)


def goals_line(form: str, goals: Goals) -> str:
    scores = (goals.score(name) for name in CATEGORIES)
    times = ("-" if goal == inf else f"≤{goal:g}" for goal in (goals.fcp, goals.lcp, goals.tbt))
    return COLUMNS.format("goals", form, *scores, *times, f"{goals.cls:g}", "")


def line(page: str, form: str, audit: Audit) -> str:
    scores = (audit.scores[name] for name in CATEGORIES)
    times = (f"{value:.0f}" for value in (audit.fcp, audit.lcp, audit.tbt))
    return COLUMNS.format(
        page[:43], form, *scores, *times, f"{audit.cls:.3f}", f"{audit.size:,.0f}"
    )


if __name__ == "__main__":
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    sys.exit(main())
