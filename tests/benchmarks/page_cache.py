"""What a cached page costs: the timeline's first page against a bare WSGI function with the same bytes.

``python -m tests.benchmarks.page_cache [--seconds N] [--rounds N]``

Each is served by one gunicorn worker with threads and asked by 16 keep-alive
connections, in turns within one run; the function both by gunicorn's own
``gthread`` and by the worker that serves the site. Then: one write
that makes a group old, with 10 and with 1,000,000 entries in it.
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
# As a browser asks.
ACCEPT_ENCODING = "gzip, deflate, br, zstd"
MOMENTS = 2000


@dataclass(frozen=True)
class Measured:
    """Requests a second, and seconds of the processor a request."""

    rate: float
    cpu: float


BARE = """
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
        # The database is not asked for a cached page, so any will do.
        environment = site_environment(made(folder / "site"), REDIS_URL=server.url)
        fill(environment)
        site = stack.enter_context(gunicorn(environment))
        (folder / "bare_page.py").write_text(bare_page(site.url))
        bare = stack.enter_context(
            gunicorn(site_environment(made(folder / "bare")), "bare_page", folder)
        )
        gthread_environment = site_environment(
            made(folder / "gthread"), GUNICORN_CMD_ARGS="--worker-class=gthread"
        )
        gthread = stack.enter_context(gunicorn(gthread_environment, "bare_page", folder))
        show(compare([gthread, bare, site], options))
        if options.invalidation:
            invalidation(server)
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-invalidation", dest="invalidation", action="store_false")
    return parser.parse_args()


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def fill(environment: dict[str, str]) -> None:
    commands = (
        ["migrate", "-v0"],
        ["generate_moments", str(MOMENTS)],
        ["collectstatic", "-v0", "--noinput"],
    )
    for command in commands:
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True
        )


def bare_page(url: str) -> str:
    """Return the source of a WSGI function that answers as the site does, byte for byte."""
    import base64

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port)
    for _ in range(2):  # the second one is a hit
        connection.request("GET", PAGE, headers={"Accept-Encoding": ACCEPT_ENCODING})
        response = connection.getresponse()
        body = response.read()
    of_server = ("server", "date", "connection")
    headers = [(n, v) for n, v in response.getheaders() if n.lower() not in of_server]
    sys.stdout.write(f"{PAGE}: {len(body):,} bytes, {dict(headers).get('Content-Encoding')}, ")
    sys.stdout.write(f"{len(headers)} headers\n")
    return BARE.format(headers=headers, body=base64.b64encode(body).decode())


def compare(sites: list[Site], options: argparse.Namespace) -> list[list[Measured]]:
    """Measure all in turns; a list for each round."""
    for one in sites:
        measure(one, 1)
    return [[measure(one, options.seconds) for one in sites] for _ in range(options.rounds)]


def measure(site: Site, seconds: float) -> Measured:
    """Load a site for some seconds."""
    rate = with_wrk if shutil.which("wrk") else with_threads
    cpu = cpu_seconds(site.process.pid)
    started = time.perf_counter()
    found = rate(site.url + PAGE, seconds)
    requests = found * (time.perf_counter() - started)
    return Measured(found, (cpu_seconds(site.process.pid) - cpu) / requests)


def cpu_seconds(pid: int) -> float:
    """Return what a process and its children have used of the processor; nothing off Linux."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if pid in (int(path.parent.name), int(fields[1])):
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def with_wrk(url: str, seconds: float) -> float:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-H"]
    output = subprocess.run(
        [*command, f"Accept-Encoding: {ACCEPT_ENCODING}", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Non-2xx" not in output, output
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def with_threads(url: str, seconds: float) -> float:
    """Ask from threads of this process; it costs more of the machine than wrk does."""
    parts = urlsplit(url)
    until = time.monotonic() + seconds
    counts = []

    def visit() -> None:
        connection = http.client.HTTPConnection(parts.hostname, parts.port)
        count = 0
        while time.monotonic() < until:
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


def show(rounds: list[list[Measured]]) -> None:
    """Print the ratios to the bare function under gunicorn's own worker and under the site's."""
    gthread, bare, site = zip(*rounds, strict=True)
    for name, yardstick in (("gthread", gthread), ("the site's worker", bare)):
        ratios = [one.rate / other.rate for one, other in zip(site, yardstick, strict=True)]
        sys.stdout.write(
            f"cached page: bare under {name} {median_rate(yardstick):,.0f}/s, "
            f"site {median_rate(site):,.0f}/s, ratio {statistics.median(ratios):.2f}"
            f" (each: {' '.join(f'{ratio:.2f}' for ratio in ratios)}; goal {GOAL:.2f})\n"
        )
    costs = (
        f"{statistics.median(m.cpu for m in side) * 1e6:.0f} µs" for side in (gthread, bare, site)
    )
    sys.stdout.write(
        "processor time a request of the server alone: "
        "bare under gthread {}, under the site's worker {}, site {}\n".format(*costs)
    )


def median_rate(side: tuple[Measured, ...]) -> float:
    return statistics.median(measured.rate for measured in side)


def invalidation(server: Valkey) -> None:
    """Measure the write that makes a group old, with few and with many entries in it."""
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
            timed(lambda: store.bump(["timeline"])) for _ in range(2000)
        )
        sys.stdout.write(f"one write with {entries:,} entries: {medians[entries] * 1e6:.0f} µs\n")
    sys.stdout.write(f"ratio {medians[1_000_000] / medians[10]:.2f} (goal: the same time)\n")


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
