"""``python -m tests.lighthouse``: run Lighthouse on every public page, and compare it with the goals.

Serves the embedded default with the moments that come with it, and audits one
page at a time. Times are for a simulated slow phone or a desktop. They also
depend on this machine, which should not do anything else meanwhile.
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

from tests.browser.conftest import find_chromium
from tests.lighthouse import tools
from tests.lighthouse.audits import CATEGORIES, FORM_FACTORS, GOALS, Audit, Goals, get_report
from tests.support.servers import ROOT, gunicorn, site_environment

DEFAULT_FORMS = ("mobile", "desktop")
COLUMNS = "{:<44}{:<9}{:>5}{:>5}{:>5}{:>5}{:>6}{:>7}{:>7}{:>6}{:>7}{:>9}"
PAGES = [
    "/", "/timeline/", "/timeline/centuries/", "/timeline/centuries/20/", "/timeline/1969/",
    "/timeline/1969/07/", "/timeline/1969/07/20/", "/timeline/1969/07/20/20/", "/tags/",
    "/tags/moon/", "/today/", "/today/07-20/", "/@chronicle/", "/trending/", "/search/",
    "/claim/", "/claim/clocks/", "/stars/", "/stars/32349/", "/accounts/login/", "/accounts/signup/",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="make lighthouse ARGS=…", description=__doc__)
    parser.add_argument("pages", nargs="*", help="paths on the site; default: all public pages")
    parser.add_argument("--runs", type=int, default=3, help="runs per page; the median is printed")
    parser.add_argument(
        "--form", choices=FORM_FACTORS, action="append", help="default: mobile and desktop"
    )
    options = parser.parse_args()
    tools.install()
    chromium = find_chromium()
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
    forms = options.form or DEFAULT_FORMS
    for form in forms:
        print(format_goals(form, GOALS[form]))
    failed = False
    with tempfile.TemporaryDirectory(prefix="momentverse-lighthouse-") as folder:
        environment = site_environment(Path(folder))
        prepare(environment)
        with gunicorn(environment) as site:
            for page in options.pages or [*PAGES, find_moment(site.url)]:
                for form in forms:
                    audit = Audit.median(
                        Audit.of(get_report(site.url + page, chromium, form))
                        for _ in range(options.runs)
                    )
                    print(format_audit(page, form, audit), flush=True)
                    for failure in (*GOALS[form].list_missed(audit), *audit.failed):
                        failed = True
                        print(f"    {failure}")
    return int(failed)


def prepare(environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "bootstrap"],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip


def find_moment(site: str) -> str:
    """Return the path of the moment with the longest title on the day of the first moon landing."""
    with urllib.request.urlopen(f"{site}/timeline/1969/07/20/") as response:
        paths = re.findall(r'href="(/moments/[^"]+)"', response.read().decode())
    return max(paths, key=len)


def format_goals(form: str, goals: Goals) -> str:
    scores = (goals.get_min_score(name) for name in CATEGORIES)
    times = ("-" if goal == inf else f"≤{goal:g}" for goal in (goals.fcp, goals.lcp, goals.tbt))
    return COLUMNS.format("goals", form, *scores, *times, f"{goals.cls:g}", "")


def format_audit(page: str, form: str, audit: Audit) -> str:
    scores = (audit.scores[name] for name in CATEGORIES)
    times = (f"{value:.0f}" for value in (audit.fcp, audit.lcp, audit.tbt))
    return COLUMNS.format(
        page[:43], form, *scores, *times, f"{audit.cls:.3f}", f"{audit.size:,.0f}"
    )


if __name__ == "__main__":
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    sys.exit(main())
