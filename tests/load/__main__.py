"""``python -m tests.load``: load tests against a production-like site on this machine.

``[--only SCENARIO] [--seconds N] [--visitors N] [--moments N]``

Starts its own PostgreSQL, Valkey and gunicorn on the loopback interface. They are
configured as in production, except for plain HTTP and a request limit that allows
one machine to act as all visitors. Then it runs the k6 scenarios of this folder one
after another, and stops the servers. k6 and the site share this machine's cores, so
times are upper bounds. Fails if a scenario misses its goal.
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
# A run is stopped this long after its own duration.
SPARE_SECONDS = 120


@dataclass(frozen=True)
class Scenario:
    """A k6 script in this folder, and its goal."""

    script: str  # file name without the ending
    users: int
    seconds: int
    p95: int  # milliseconds, the goal for 95 % of the requests


SCENARIOS = [
    Scenario("api_timeline", 200, 120, 50),
    Scenario("timeline_page", 200, 120, 50),
    Scenario("visitors", 10_000, 60, 200),
]


def main() -> int:
    options = parse_options()
    raise_open_files_limit()
    scenarios = [
        scenario for scenario in SCENARIOS if not options.only or scenario.script in options.only
    ]
    with serve_production_site(options.moments) as site:
        results = [(scenario, run(scenario, site, options)) for scenario in scenarios]
    print_table(results)
    return 0 if all(passed for _, (_, passed) in results) else 1


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make load", description=__doc__.split("\n")[0])
    names = [scenario.script for scenario in SCENARIOS]
    parser.add_argument("--only", action="append", choices=names)
    parser.add_argument("--seconds", type=int, help="duration of each scenario, instead of its own")
    parser.add_argument("--visitors", type=int, help="fewer than 10,000 keep-alive visitors")
    parser.add_argument("--moments", type=int, default=10_000)
    return parser.parse_args()


def raise_open_files_limit() -> None:
    """Raise the limit of open files for this process and its children as far as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def serve_production_site(moments: int) -> Iterator[Site]:
    """Serve a site with so many moments in production mode."""
    with ExitStack() as stack:
        data_dir = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgresql(durable=True)).url("postgres", connection_limit=8)
        cache = stack.enter_context(valkey()).url
        print_line(f"loading {moments:,} moments ...")
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
    """Run a scenario with k6. Return its metrics, and whether it reached its goal."""
    seconds = options.seconds or scenario.seconds
    users = scenario.users
    if scenario.script == "visitors" and options.visitors:
        users = options.visitors
    assert urlsplit(site.url).hostname == "127.0.0.1"
    for page in ("/timeline/", "/api/timeline"):
        assert http_get(site.url + page).status == 200
    print_line(f"== {scenario.script}: {users:,} users, {seconds} s")
    summary = Path(site.environment["DATA_DIR"]) / f"{scenario.script}.json"
    command = [K6, "run", "--no-usage-report", "--no-color", f"--summary-export={summary}"]
    variables = {
        "BASE_URL": site.url,
        "USERS": users,
        "DURATION": f"{seconds}s",
        "P95": scenario.p95,
    }
    for name, value in variables.items():
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
    print_line(
        f"\n{'':16}{'requests':>10}{'a second':>10}{'failed':>8}{'median':>10}{'p95':>10}{'goal':>10}"
    )
    for scenario, (metrics, passed) in results:
        requests, times = metrics["http_reqs"], metrics["http_req_duration"]
        failed = metrics["http_req_failed"]["passes"]
        print_line(
            f"{scenario.script:16}{requests['count']:>10}{requests['rate']:>10.0f}{failed:>8}"
            f"{times['med']:>7.1f} ms{times['p(95)']:>7.1f} ms{scenario.p95:>7} ms"
            f"{'' if passed else '  missed'}"
        )


def print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
