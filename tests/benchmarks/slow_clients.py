"""What 50 slow clients cost the others: the 99th percentile with them and without, in turns.

``python -m tests.benchmarks.slow_clients [--rounds N] [--requests N]``

Slow ones connect and send nothing, a part of a head, or a part of a form, and
do so anew as the site gives up on them. Others ask over kept connections.
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

SLOW, OTHERS = 50, 4
PAGE = "/health/live/"
GOAL = 2.0
SENT = (
    b"",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nlogin=",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=2000, help="of all others in a round")
    options = parser.parse_args()
    usual, slowed = [], []
    with tempfile.TemporaryDirectory() as folder:
        environment = site_environment(Path(folder), WEB_THREADS="8", LOG_LEVEL="ERROR")
        with gunicorn(environment) as site:
            percentile(site, options.requests)
            for _ in range(options.rounds):
                usual.append(percentile(site, options.requests))
                with ExitStack() as open_ones:
                    for number in range(SLOW):
                        open_ones.enter_context(slow_client(site, SENT[number % len(SENT)]))
                    slowed.append(percentile(site, options.requests))
    ratio = statistics.median(slowed) / statistics.median(usual)
    sys.stdout.write(
        f"99th percentile: usual {statistics.median(usual):.1f} ms, with {SLOW} slow clients"
        f" {statistics.median(slowed):.1f} ms, ratio {ratio:.2f} (goal {GOAL:.2f})\n"
    )
    return 0


def slow_client(site: Site, sent: bytes) -> socket.socket:
    host, port = site.environment["BIND"].split(":")
    client = socket.create_connection((host, int(port)), timeout=30)
    client.sendall(sent)
    return client


def percentile(site: Site, requests: int) -> float:
    """Return the 99th percentile of the others' requests, in milliseconds."""

    def visit(_: int) -> list[float]:
        connection = http.client.HTTPConnection(site.environment["BIND"], timeout=60)
        found = []
        for _ in range(requests // OTHERS):
            started = time.perf_counter()
            connection.request("GET", PAGE)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            found.append((time.perf_counter() - started) * 1000)
        connection.close()
        return found

    with ThreadPoolExecutor(OTHERS) as pool:
        times = [milliseconds for found in pool.map(visit, range(OTHERS)) for milliseconds in found]
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    sys.exit(main())
