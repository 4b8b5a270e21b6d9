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
# A stopping site closes quiet connections after some seconds; who keeps some lets go of them before.
QUIET_SECONDS = 1
PAGE = "/t/process/"


class Visitors:
    """Threads that ask one page again and again, as a load balancer with kept connections would.

    A site that refuses a connection is left for the other one; anything else
    that goes wrong is a failed request.
    """

    def __init__(self, sites, *, reuse_connections=True):
        self.addresses = [site.environment["BIND"] for site in sites]
        self.reuse_connections = reuse_connections
        self.failures = []
        self.answers = Counter()
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
                self._ask(connection, address)
            except ConnectionRefusedError:
                self.answers["refused"] += 1
                connection.close()  # else it would still be about to send that request
            except (OSError, http.client.HTTPException) as error:
                after = time.monotonic() - connection.asked_at
                self.failures.append(f"{address}: {error!r} after {after:.3f} s")
                connection.close()
        for connection in connections.values():
            connection.close()

    def _ask(self, connection, address):
        quiet = time.monotonic() - getattr(connection, "asked_at", time.monotonic())
        if quiet > QUIET_SECONDS:
            connection.close()
        connection.asked_at = time.monotonic()
        connection.request(
            "GET", PAGE, headers={} if self.reuse_connections else {"Connection": "close"}
        )
        answer = connection.getresponse()
        process = answer.read().decode()
        connection.asked_at = time.monotonic()
        self.answers[answer.status] += 1
        self.processes[address][process] += 1

    def wait_for_answers(self, number=200):
        """Go on when so many more requests have been answered."""
        wanted = self.answers[200] + number
        wait_until(lambda: self.answers[200] >= wanted, "visitors are answered")

    def wait_for_new_processes(self, site, before):
        """Go on when other processes than ``before`` answer, and those no more."""
        seen = self.processes[site.environment["BIND"]]
        wait_until(lambda: seen.keys() - before, "new processes answer")
        old = {process: seen[process] for process in before}
        self.wait_for_answers()

        def are_gone():
            nonlocal old
            last, old = old, {process: seen[process] for process in before}
            self.wait_for_answers()
            return last == old

        wait_until(are_gone, "the old processes are gone")


@pytest.fixture
def serve_two(serve, own_postgresql, own_valkey):
    """Return a function that makes a context manager: a site beside others, over the same servers."""

    def start():
        return serve(
            DATABASE_URL=own_postgresql.url(connection_limit=4),
            REDIS_URL=own_valkey.url,
            WEB_PROCESSES="2",
            WEB_THREADS="4",
        )

    return start


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "one-request-a-connection"])
def test_it_works(serve_two, kept):
    """One is reloaded twice and then ended, the other serves on."""
    with (
        serve_two() as first,
        serve_two() as second,
        Visitors([first, second], kept=kept) as all_of,
    ):
        for _ in range(2):
            all_of.wait_for_answers()
            before = set(all_of.processes[first.environment["BIND"]])
            first.process.send_signal(signal.SIGHUP)
            all_of.wait_for_new_processes(first, before)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(timeout=25) == 0
        all_of.wait_for_answers()
    assert all_of.failures == []
    assert all_of.answers["refused"] > 0
    assert set(all_of.answers) == {200, "refused"}


def test_a_lone_site_is_reloaded_without_refusing_anybody(serve_two):
    with serve_two() as site, Visitors([site]) as visitors:
        visitors.wait_for_answers()
        site.process.send_signal(signal.SIGHUP)
        visitors.wait_for_new_processes(site, set(visitors.processes[site.environment["BIND"]]))
    assert visitors.failures == []
    assert set(visitors.answers) == {200}
