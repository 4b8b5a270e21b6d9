"""``python -m tests.benchmarks``: every figure of speed that needs no browser, in one table.

``[--url URL] [--rows N] [--only PART] [--quick]``

Each part is a module of this folder that can be run alone, and measures ratios
within its own run. They are run one after the other, on one PostgreSQL; what
they print is shown as it comes, and what of it is held against a goal stands in
``PARTS``. ``--url`` names a database that is kept with moments in it: a copy is
measured, so that nothing has to be loaded. ``make load`` has the figures of
many visitors. A figure that misses its goal fails nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec

from tests.benchmarks.databases import large_database
from tests.support.servers import ROOT, SITE_VARIABLES, database_and_cache

# Whatever happens, a part ends after this many seconds.
PART_SECONDS = 900


def at_most(goal: float) -> Callable[[float], bool]:
    return lambda figure: figure <= goal


def at_least(goal: float) -> Callable[[float], bool]:
    return lambda figure: figure >= goal


@dataclass(frozen=True)
class Figure:
    """One row of the table: what a part prints, found by ``pattern``, and what it is to be."""

    name: str
    pattern: str
    goal: str
    keeps: Callable[[float], bool]


@dataclass(frozen=True)
class Part:
    """A module of this folder, and the figures in what it prints."""

    module: str
    figures: list[Figure]
    quick: list[str] = field(default_factory=list)
    # What it is told about the large database.
    takes: str = ""


PARTS = [
    Part(
        "page_cache",
        [
            Figure("cached page / bare WSGI", r"under gthread .*ratio ([\d.]+)", "≥ 0.80", at_least(0.8)),
            Figure("write, 1,000,000 cached / 10", r"^ratio ([\d.]+) \(goal: the", "≤ 1.5", at_most(1.5)),
        ],
        ["--rounds=3", "--seconds=1"],
    ),
    Part(
        "page",
        [
            Figure("list page: ORM and template / SQL", r"template ([\d.]+) times", "≤ 4", at_most(4)),
            Figure("list page: queries", r"list page: (\d+) queries", "≤ 6", at_most(6)),
        ],
        ["--rounds=50"],
    ),
    Part(
        "reading",
        [
            Figure(f"{name}, large / 10,000", rf"^{re.escape(name)} +[\d.]+ +[\d.]+ +([\d.]+)", goal, keeps)
            for name, goal, keeps in (
                ("what touches 6 h", "≤ 1.5", at_most(1.5)),
                ("newest before", "≤ 1.5", at_most(1.5)),
                ("page /timeline/", "≤ 1.5", at_most(1.5)),
                ("page of a year", "≤ 2", at_most(2)),
                ("page of a century", "≤ 2", at_most(2)),
                ("page of a day", "≤ 2", at_most(2)),
                ("/api/timeline", "≤ 1.5", at_most(1.5)),
            )
        ],
        ["--rounds=30"],
        takes="--large-url",
    ),
    Part(
        "claims",
        [
            Figure("claim / bare INSERT", r"^ratio +([\d.]+)", "≥ 0.50", at_least(0.5)),
            Figure("100 claimers, 10 spans, 10 times: held", r"race .*'held': (\d+)", "≥ 40", at_least(40)),
            Figure("… ended by anything but held or taken", r"race, other ends: (\d+)", "0", at_most(0)),
        ],
        takes="--url",
    ),
    Part(
        "slow_clients",
        [Figure("99th percentile, 50 slow clients / none", r"ratio ([\d.]+) \(goal 2", "≤ 2", at_most(2))],
        ["--rounds=3", "--requests=800"],
    ),
]  # fmt: skip


def main() -> int:
    options = read_options()
    parts = [part for part in PARTS if not options.only or part.module in options.only]
    outputs: dict[str, str] = {}
    with ExitStack() as stack:
        urls = stack.enter_context(database_and_cache(durable=True))
        large = ""
        if any(part.takes or part.module == "page" for part in parts):
            server = urls["DATABASE_URL"]
            large = stack.enter_context(large_database(server, options.url, options.rows))
            urls = urls | {"DATABASE_URL": large}
        for number, part in enumerate(parts, 1):
            say(f"== {number} of {len(parts)}: {part.module}")
            outputs[part.module] = run(part, urls, large, quick=options.quick)
    print_table(parts, outputs)
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--url", default="", help="a kept database with moments: a copy is measured"
    )
    parser.add_argument("--rows", type=int, default=5_000_000, help="moments to load without --url")
    parser.add_argument("--only", action="append", choices=[part.module for part in PARTS])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, for a try")
    return parser.parse_args()


def run(part: Part, urls: dict[str, str], large: str, *, quick: bool) -> str:
    """Run a part, show what it prints as it comes, and return it."""
    if find_spec(f"tests.benchmarks.{part.module}") is None:
        return ""
    arguments = [*(part.quick if quick else []), *([f"{part.takes}={large}"] if part.takes else [])]
    clean = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", f"tests.benchmarks.{part.module}", *arguments],
        cwd=ROOT,
        env=clean | urls,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    # Also when it prints nothing any more.
    bound = threading.Timer(PART_SECONDS, process.terminate)
    bound.start()
    lines = []
    for line in process.stdout or ():
        say(f"   {line.rstrip()}")
        lines.append(line)
    process.wait()
    bound.cancel()
    if process.returncode:
        say(f"   failed with {process.returncode}")
    return "".join(lines)


def print_table(parts: list[Part], outputs: dict[str, str]) -> None:
    say(f"\n{'':46}{'figure':>10}{'goal':>10}")
    for part in parts:
        for figure in part.figures:
            found = re.search(figure.pattern, outputs[part.module], re.MULTILINE)
            shown = found[1] if found else "-"
            kept = found and figure.keeps(float(found[1]))
            verdict = "" if kept else "  missed" if found else "  not measured"
            say(f"{figure.name:46}{shown:>10}{figure.goal:>10}{verdict}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
