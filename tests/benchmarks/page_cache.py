"""A cached page, compared with a bare WSGI function that returns the same bytes.

``python -m tests.benchmarks.page_cache [--seconds N] [--rounds N]``

The page is the first page of the timeline. Each is served by one gunicorn
worker with threads and requested over 16 keep-alive connections, in turns. The
bare function is served by gunicorn's own ``gthread`` and also by the site's own
worker. Afterwards: one write that invalidates a group of 10 entries, and one
that invalidates a group of 1,000,000.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers import ROOT, Site, Valkey, gunicorn, site_environment, valkey

PAGE = "/timeline/"
CONNECTIONS = 16
GOAL = 0.80
# What browsers send.
ACCEPT_ENCODING = "gzip, deflate, br, zstd"
MOMENTS = 2000


@dataclass(frozen=True)
class Measurement:
    """Requests per second, and seconds of processor time per request."""

    rate: float
    cpu: float


BARE_APPLICATION = """
import base64
HEADERS = {headers!r}
BODY = base64.b64decode({body!r})
LIVE = [("Content-Type", "text/plain"), ("Content-Length", "0")]

def application(environ, start_response):
    if environ["PATH_INFO"] == "/health/live/":
        start_response("200 OK", LIVE)
        return [b""]
    start_response("200 OK", HEADERS)
    return [BODY]
"""


def main() -> int:
    options = read_options()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(valkey())
        # A cached page needs no database, so SQLite is enough.
        environment = site_environment(make_folder(folder / "site"), REDIS_URL=server.url)
        prepare_site(environment)
        site = stack.enter_context(gunicorn(environment))
        (folder / "bare_page.py").write_text(build_bare_application(site.url))
        bare = stack.enter_context(
            gunicorn(site_environment(make_folder(folder / "bare")), "bare_page", folder)
        )
        gthread_environment = site_environment(
            make_folder(folder / "gthread"), GUNICORN_CMD_ARGS="--worker-class=gthread"
        )
        gthread = stack.enter_context(gunicorn(gthread_environment, "bare_page", folder))
        print_ratios(compare([gthread, bare, site], options))
        if options.invalidation:
            measure_invalidation(server)
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-invalidation", dest="invalidation", action="store_false")
    return parser.parse_args()


def make_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def prepare_site(environment: dict[str, str]) -> None:
    commands = (
        ["migrate", "-v0"],
        ["generate_moments", str(MOMENTS)],
        ["collectstatic", "-v0", "--noinput"],
    )
    for command in commands:
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True
        )


def build_bare_application(url: str) -> str:
    """Return the source of a WSGI application with the same response as the site, byte for byte."""
    import base64

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    for _ in range(2):  # the second response comes from the cache
        connection.request("GET", PAGE, headers={"Accept-Encoding": ACCEPT_ENCODING})
        response = connection.getresponse()
        body = response.read()
    server_headers = ("server", "date", "connection")
    headers = [(n, v) for n, v in response.getheaders() if n.lower() not in server_headers]
    sys.stdout.write(f"{PAGE}: {len(body):,} bytes, {dict(headers).get('Content-Encoding')}, ")
    sys.stdout.write(f"{len(headers)} headers\n")
    return BARE_APPLICATION.format(headers=headers, body=base64.b64encode(body).decode())


def compare(sites: list[Site], options: argparse.Namespace) -> list[list[Measurement]]:
    """Measure all sites in turns, and return a list of measurements for each round."""
    for site in sites:
        measure(site, 1)
    return [[measure(site, options.seconds) for site in sites] for _ in range(options.rounds)]


def measure(site: Site, seconds: float) -> Measurement:
    """Send requests to a site for some seconds, with wrk if it is installed."""
    measure_rate = measure_with_wrk if shutil.which("wrk") else measure_with_threads
    cpu = get_cpu_seconds(site.process.pid)
    started = time.perf_counter()
    rate = measure_rate(site.url + PAGE, seconds)
    requests = rate * (time.perf_counter() - started)
    return Measurement(rate, (get_cpu_seconds(site.process.pid) - cpu) / requests)


def get_cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its children in seconds; 0 where there is no /proc."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if pid in (int(path.parent.name), int(fields[1])):
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def measure_with_wrk(url: str, seconds: float) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-H"]
    output = subprocess.run(
        [*command, f"Accept-Encoding: {ACCEPT_ENCODING}", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Non-2xx" not in output, output
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def measure_with_threads(url: str, seconds: float) -> float:
    """Send requests from threads of this process, which takes more processor time than wrk does."""
    parts = urlsplit(url)
    deadline = time.monotonic() + seconds
    counts = []

    def visit() -> None:
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        count = 0
        while time.monotonic() < deadline:
            connection.request("GET", parts.path, headers={"Accept-Encoding": ACCEPT_ENCODING})
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            count += 1
        counts.append(count)

    visitors = [threading.Thread(target=visit) for _ in range(CONNECTIONS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    return sum(counts) / seconds


def print_ratios(rounds: list[list[Measurement]]) -> None:
    """Print the ratios to the bare function under gunicorn's own worker and under the site's worker."""
    gthread, bare, site = zip(*rounds, strict=True)
    for name, baseline in (("gthread", gthread), ("the site's worker", bare)):
        ratios = [one.rate / other.rate for one, other in zip(site, baseline, strict=True)]
        sys.stdout.write(
            f"cached page: bare under {name} {get_median_rate(baseline):,.0f}/s, "
            f"site {get_median_rate(site):,.0f}/s, ratio {statistics.median(ratios):.2f}"
            f" (each: {' '.join(f'{ratio:.2f}' for ratio in ratios)}; goal {GOAL:.2f})\n"
        )
    costs = (
        f"{statistics.median(one.cpu for one in measurements) * 1e6:.0f} µs"
        for measurements in (gthread, bare, site)
    )
    sys.stdout.write(
        "processor time per request, of the server alone: "
        "bare under gthread {}, under the site's worker {}, site {}\n".format(*costs)
    )


def get_median_rate(measurements: tuple[Measurement, ...]) -> float:
    return statistics.median(measurement.rate for measurement in measurements)


def measure_invalidation(server: Valkey) -> None:
    """Measure the write that invalidates a group, with few and with many entries in the group."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "momentverse.settings"
    import django

    django.setup()
    from momentverse.page_cache.stores import RedisStore
    from momentverse.redis.breaker import CircuitBreaker
    from momentverse.redis.client import RedisClient

    redis = RedisClient(server.url, 30)
    store = RedisStore(redis, CircuitBreaker())
    medians = {}
    stored = 0
    for entries in (10, 1_000_000):
        for first in range(stored, entries, 10_000):
            numbers = range(first, min(entries, first + 10_000))
            store.put({f"page {number}": b"x" * 20 for number in numbers}, 3600)
        stored = entries
        medians[entries] = statistics.median(
            measure_seconds(lambda: store.bump(["timeline"])) for _ in range(2000)
        )
        sys.stdout.write(f"one write with {entries:,} entries: {medians[entries] * 1e6:.0f} µs\n")
    sys.stdout.write(f"ratio {medians[1_000_000] / medians[10]:.2f} (goal: the same time)\n")


def measure_seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
