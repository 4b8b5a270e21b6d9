"""``python -m tests.benchmarks``: all benchmarks that need no browser, with their results in one table.

``[--url URL] [--rows N] [--only PART] [--quick]``

Each part is a module of this folder that can also be run alone. It measures
ratios within its own run. The parts run one after the other on one PostgreSQL.
Their output is shown as it arrives; ``PARTS`` lists the figures that have a
goal. ``--url`` names an existing database with moments: the benchmarks use a
copy of it, so that they do not have to load moments. ``make load`` measures
many visitors. The exit status is 0 even if a figure misses its goal.
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

# A part is terminated after this many seconds.
PART_TIMEOUT_SECONDS = 900


def at_most(goal: float) -> Callable[[float], bool]:
    return lambda figure: figure <= goal


def at_least(goal: float) -> Callable[[float], bool]:
    return lambda figure: figure >= goal


@dataclass(frozen=True)
class Figure:
    """One row of the table: a figure that ``pattern`` finds in the output of a part, and its goal."""

    name: str
    pattern: str
    goal: str
    is_met: Callable[[float], bool]


@dataclass(frozen=True)
class Part:
    """A module of this folder, and the figures in its output."""

    module: str
    figures: list[Figure]
    quick: list[str] = field(default_factory=list)
    # The option that takes the URL of the large database, if the module has one.
    database_option: str = ""


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
            Figure(f"{name}, large / 10,000", rf"^{re.escape(name)} +[\d.]+ +[\d.]+ +([\d.]+)", goal, is_met)
            for name, goal, is_met in (
                ("moments of 6 hours", "≤ 1.5", at_most(1.5)),
                ("newest before", "≤ 1.5", at_most(1.5)),
                ("page /timeline/", "≤ 1.5", at_most(1.5)),
                ("page of a year", "≤ 2", at_most(2)),
                ("page of a century", "≤ 2", at_most(2)),
                ("page of a day", "≤ 2", at_most(2)),
                ("/api/timeline", "≤ 1.5", at_most(1.5)),
            )
        ],
        ["--rounds=30"],
        database_option="--large-url",
    ),
    Part(
        "claims",
        [
            Figure("claim / bare INSERT", r"^ratio +([\d.]+)", "≥ 0.50", at_least(0.5)),
            Figure("100 claimers, 10 spans, 10 times: held", r"race .*'held': (\d+)", "≥ 40", at_least(40)),
            Figure("… neither held nor taken", r"race, other outcomes: (\d+)", "0", at_most(0)),
        ],
        database_option="--url",
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
        if any(part.database_option or part.module == "page" for part in parts):
            server = urls["DATABASE_URL"]
            large = stack.enter_context(large_database(server, options.url, options.rows))
            urls = urls | {"DATABASE_URL": large}
        for number, part in enumerate(parts, 1):
            write_line(f"== {number} of {len(parts)}: {part.module}")
            outputs[part.module] = run(part, urls, large, quick=options.quick)
    print_table(parts, outputs)
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--url", default="", help="an existing database with moments; a copy of it is measured"
    )
    parser.add_argument("--rows", type=int, default=5_000_000, help="moments to load without --url")
    parser.add_argument("--only", action="append", choices=[part.module for part in PARTS])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, to try it out")
    return parser.parse_args()


def run(part: Part, urls: dict[str, str], large: str, *, quick: bool) -> str:
    """Run a part, show its output as it arrives, and return it."""
    if find_spec(f"tests.benchmarks.{part.module}") is None:
        return ""
    arguments = part.quick if quick else []
    if part.database_option:
        arguments = [*arguments, f"{part.database_option}={large}"]
    environment = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", f"tests.benchmarks.{part.module}", *arguments],
        cwd=ROOT,
        env=environment | urls,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    # In a timer, because reading lines waits for ever if the part hangs without output.
    timer = threading.Timer(PART_TIMEOUT_SECONDS, process.terminate)
    timer.start()
    lines = []
    for line in process.stdout or ():
        write_line(f"   {line.rstrip()}")
        lines.append(line)
    process.wait()
    timer.cancel()
    if process.returncode:
        write_line(f"   failed with {process.returncode}")
    return "".join(lines)


def print_table(parts: list[Part], outputs: dict[str, str]) -> None:
    write_line(f"\n{'':46}{'figure':>10}{'goal':>10}")
    for part in parts:
        for figure in part.figures:
            match = re.search(figure.pattern, outputs[part.module], re.MULTILINE)
            value = match[1] if match else "-"
            is_met = match and figure.is_met(float(match[1]))
            verdict = "" if is_met else "  missed" if match else "  not measured"
            write_line(f"{figure.name:46}{value:>10}{figure.goal:>10}{verdict}")


def write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
