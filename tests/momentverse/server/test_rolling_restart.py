"""Two sites over one database and one cache are restarted under load, and no request fails."""

from __future__ import annotations

import http.client
import itertools
import signal
import threading
import time
from collections import Counter

import pytest

from tests.support.servers import wait_until

VISITORS = 8
# A stopping site closes idle connections after some seconds; its clients close theirs before that.
MAX_IDLE_SECONDS = 1
PAGE = "/t/process/"


class Visitors:
    """Threads that request a page again and again, like a load balancer that reuses connections.

    If a site refuses a connection, the next request goes to the other site. Any other error is a
    failed request.
    """

    def __init__(self, sites, *, reuse_connections=True):
        self.addresses = [site.environment["BIND"] for site in sites]
        self.reuse_connections = reuse_connections
        self.failures = []
        self.results = Counter()
        self.processes = {address: Counter() for address in self.addresses}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=[n]) for n in range(VISITORS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number):
        connections = {}
        for address in itertools.islice(itertools.cycle(self.addresses), number, None):
            if self._stop.is_set():
                break
            connection = connections.get(address) or http.client.HTTPConnection(address, timeout=30)
            connections[address] = connection
            try:
                self._request(connection, address)
            except ConnectionRefusedError:
                self.results["refused"] += 1
                connection.close()  # otherwise it would still be in the middle of that request
            except (OSError, http.client.HTTPException) as error:
                after = time.monotonic() - connection.used_at
                self.failures.append(f"{address}: {error!r} after {after:.3f} s")
                connection.close()
        for connection in connections.values():
            connection.close()

    def _request(self, connection, address):
        idle = time.monotonic() - getattr(connection, "used_at", time.monotonic())
        if idle > MAX_IDLE_SECONDS:
            connection.close()
        connection.used_at = time.monotonic()
        connection.request(
            "GET", PAGE, headers={} if self.reuse_connections else {"Connection": "close"}
        )
        response = connection.getresponse()
        process = response.read().decode()
        connection.used_at = time.monotonic()
        self.results[response.status] += 1
        self.processes[address][process] += 1

    def wait_for_responses(self, number=200):
        """Wait until so many more requests have been answered."""
        wanted = self.results[200] + number
        wait_until(lambda: self.results[200] >= wanted, "visitors are answered")

    def wait_for_new_processes(self, site, before):
        """Wait until other processes than ``before`` answer, and those no longer do."""
        seen = self.processes[site.environment["BIND"]]
        wait_until(lambda: seen.keys() - before, "new processes answer")
        old = {process: seen[process] for process in before}
        self.wait_for_responses()

        def have_stopped():
            nonlocal old
            last, old = old, {process: seen[process] for process in before}
            self.wait_for_responses()
            return last == old

        wait_until(have_stopped, "the old processes have stopped")


@pytest.fixture
def serve_site(serve, own_postgresql, own_valkey):
    """Return a function that serves a site; all sites share the database and the cache."""

    def start():
        return serve(
            DATABASE_URL=own_postgresql.url(connection_limit=4),
            REDIS_URL=own_valkey.url,
            WEB_PROCESSES="2",
            WEB_THREADS="4",
        )

    return start


@pytest.mark.parametrize(
    "reuse_connections", [True, False], ids=["reused-connections", "one-request-per-connection"]
)
def test_it_works(serve_site, reuse_connections):
    """One site is reloaded twice and then stopped, while the other keeps serving."""
    with (
        serve_site() as first,
        serve_site() as second,
        Visitors([first, second], reuse_connections=reuse_connections) as visitors,
    ):
        for _ in range(2):
            visitors.wait_for_responses()
            before = set(visitors.processes[first.environment["BIND"]])
            first.process.send_signal(signal.SIGHUP)
            visitors.wait_for_new_processes(first, before)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(timeout=25) == 0
        visitors.wait_for_responses()
    assert visitors.failures == []
    assert visitors.results["refused"] > 0
    assert set(visitors.results) == {200, "refused"}


def test_single_site_is_reloaded_without_refusing_connections(serve_site):
    with serve_site() as site, Visitors([site]) as visitors:
        visitors.wait_for_responses()
        site.process.send_signal(signal.SIGHUP)
        visitors.wait_for_new_processes(site, set(visitors.processes[site.environment["BIND"]]))
    assert visitors.failures == []
    assert set(visitors.results) == {200}
