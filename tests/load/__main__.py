"""``python -m tests.load``: many visitors against a site as in production, on this machine.

``[--only SCENARIO] [--seconds N] [--visitors N] [--moments N]``

Starts PostgreSQL, Valkey and gunicorn of its own on the loopback interface, as
production has them but for plain http and a request limit that lets one loader
pass for all visitors; then runs k6's scenarios of this folder one by one and
ends everything. Driver and site share this machine's cores, so times are upper
bounds. Fails when a scenario misses its goal.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.database_servers import manage
from tests.support.servers import (
    ROOT,
    Site,
    gunicorn,
    http_get,
    postgresql,
    site_environment,
    valkey,
)

FOLDER = Path(__file__).parent
K6 = Path(sys.executable).with_name("k6")
# A run ends by then, whatever happens: its own seconds and these.
SPARE_SECONDS = 120


@dataclass(frozen=True)
class Scenario:
    """One script of this folder."""

    script: str
    users: int
    seconds: int
    p95: int


SCENARIOS = [
    Scenario("api_timeline", 200, 120, 50),
    Scenario("timeline_page", 200, 120, 50),
    Scenario("visitors", 10_000, 60, 200),
]


def main() -> int:
    options = read_options()
    raise_open_files()
    wanted = [one for one in SCENARIOS if not options.only or one.script in options.only]
    with like_production(options.moments) as site:
        results = [(scenario, run(scenario, site, options)) for scenario in wanted]
    print_table(results)
    return 0 if all(kept for _, (_, kept) in results) else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__.split("\n")[0])
    names = [scenario.script for scenario in SCENARIOS]
    parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--seconds", type=int, help="shorter, for a try")
    parser.add_argument("--visitors", type=int, help="fewer than 10,000 keep-alive visitors")
    parser.add_argument("--moments", type=int, default=10_000)
    return parser.parse_args()


def raise_open_files() -> None:
    """Let the driver, and what we start, open as many connections as they may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def like_production(moments: int) -> Iterator[Site]:
    """Serve a site with so many moments as production does."""
    with ExitStack() as stack:
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgresql(durable=True)).url("postgres", connection_limit=8)
        cache = stack.enter_context(valkey()).url
        say(f"loading {moments:,} moments ...")
        manage(database, data_dir, "migrate", "-v0")
        manage(database, data_dir, "generate_moments", str(moments))
        manage(database, data_dir, "collectstatic", "--noinput", "-v0")
        environment = site_environment(
            data_dir,
            MOMENTVERSE_MODE="production",
            SECRET_KEY=secrets.token_urlsafe(50),
            ALLOWED_HOSTS="127.0.0.1",
            EMAIL_URL="console:",
            DATABASE_URL=database,
            REDIS_URL=cache,
            LOG_LEVEL="WARNING",
        )
        yield stack.enter_context(gunicorn(environment))


def run(scenario: Scenario, site: Site, options: argparse.Namespace) -> tuple[dict, bool]:
    """Let k6 play a scenario; return what it measured, and whether the goal was kept."""
    seconds = options.seconds or scenario.seconds
    users = scenario.users
    if scenario.script == "visitors" and options.visitors:
        users = options.visitors
    assert urlsplit(site.url).hostname == "127.0.0.1"
    for page in ("/timeline/", "/api/timeline"):
        assert http_get(site.url + page).status == 200
    say(f"== {scenario.script}: {users:,} users, {seconds} s")
    summary = Path(site.environment["DATA_DIR"]) / f"{scenario.script}.json"
    command = [K6, "run", "--no-usage-report", "--no-color", f"--summary-export={summary}"]
    told = {"BASE_URL": site.url, "USERS": users, "DURATION": f"{seconds}s", "P95": scenario.p95}
    for name, value in told.items():
        command += ["-e", f"{name}={value}"]
    code = subprocess.run(
        [*command, FOLDER / f"{scenario.script}.js"],
        cwd=ROOT,
        env=os.environ | {"K6_NO_USAGE_REPORT": "true"},
        stdin=subprocess.DEVNULL,
        timeout=seconds + SPARE_SECONDS,
        check=False,
    ).returncode
    return json.loads(summary.read_text())["metrics"], code == 0


def print_table(results: list[tuple[Scenario, tuple[dict, bool]]]) -> None:
    say(
        f"\n{'':16}{'requests':>10}{'a second':>10}{'failed':>8}{'median':>10}{'p95':>10}{'goal':>10}"
    )
    for scenario, (metrics, kept) in results:
        requests, times = metrics["http_reqs"], metrics["http_req_duration"]
        failed = metrics["http_req_failed"]["passes"]
        say(
            f"{scenario.script:16}{requests['count']:>10}{requests['rate']:>10.0f}{failed:>8}"
            f"{times['med']:>7.1f} ms{times['p(95)']:>7.1f} ms{scenario.p95:>7} ms"
            f"{'' if kept else '  missed'}"
        )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
