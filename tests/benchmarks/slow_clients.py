"""Response times of other clients with and without 50 slow clients, in turns.

``python -m tests.benchmarks.slow_clients [--rounds N] [--requests N]``

Compares the 99th percentiles. Slow clients connect and send nothing, a part of
a request's head, or a part of a form. They connect again in each round, because
the site closes their connections after a while. The other clients reuse theirs.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.support.servers import Site, gunicorn, site_environment

SLOW_CLIENTS, OTHER_CLIENTS = 50, 4
PAGE = "/health/live/"
GOAL = 2.0
INCOMPLETE_REQUESTS = (
    b"",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nlogin=",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument(
        "--requests", type=int, default=2000, help="per round, of all other clients together"
    )
    options = parser.parse_args()
    times_without, times_with = [], []
    with tempfile.TemporaryDirectory() as folder:
        environment = site_environment(Path(folder), WEB_THREADS="8", LOG_LEVEL="ERROR")
        with gunicorn(environment) as site:
            measure_percentile(site, options.requests)
            for _ in range(options.rounds):
                times_without.append(measure_percentile(site, options.requests))
                with ExitStack() as clients:
                    for number in range(SLOW_CLIENTS):
                        request = INCOMPLETE_REQUESTS[number % len(INCOMPLETE_REQUESTS)]
                        clients.enter_context(connect_slow_client(site, request))
                    times_with.append(measure_percentile(site, options.requests))
    without, with_slow = statistics.median(times_without), statistics.median(times_with)
    sys.stdout.write(
        f"99th percentile: usual {without:.1f} ms, with {SLOW_CLIENTS} slow clients"
        f" {with_slow:.1f} ms, ratio {with_slow / without:.2f} (goal {GOAL:.2f})\n"
    )
    return 0


def connect_slow_client(site: Site, request: bytes) -> socket.socket:
    host, port = site.environment["BIND"].split(":")
    client = socket.create_connection((host, int(port)), timeout=30)
    client.sendall(request)
    return client


def measure_percentile(site: Site, requests: int) -> float:
    """Return the 99th percentile of the other clients' response times, in milliseconds."""

    def visit(_: int) -> list[float]:
        connection = http.client.HTTPConnection(site.environment["BIND"], timeout=60)
        durations = []
        for _ in range(requests // OTHER_CLIENTS):
            started = time.perf_counter()
            connection.request("GET", PAGE)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            durations.append((time.perf_counter() - started) * 1000)
        connection.close()
        return durations

    with ThreadPoolExecutor(OTHER_CLIENTS) as pool:
        results = pool.map(visit, range(OTHER_CLIENTS))
        times = [duration for durations in results for duration in durations]
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    sys.exit(main())
