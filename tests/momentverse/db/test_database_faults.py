"""A database that restarts, and a pool without a free connection: 503 until they recover."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.servers import http_get, wait_until
from tests.support.urls import WAITING_LOCK


@pytest.fixture
def held_lock(own_postgresql):
    """A connection that holds the lock for which /t/database/wait/ waits."""
    connection = psycopg.connect(own_postgresql.url(), autocommit=True)
    connection.execute("SELECT pg_advisory_lock(%s)", [WAITING_LOCK])
    yield connection
    connection.close()


def count_waiting(connection):
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return connection.execute(query).fetchone()[0]


def test_it_works(serve, own_postgresql):
    with serve(DATABASE_URL=own_postgresql.url(connection_limit=2, pool_timeout=1)) as site:
        assert http_get(f"{site.url}/t/database/").text == "answered"


def test_exhausted_pool_is_503_within_its_timeout(serve, own_postgresql, held_lock):
    database = own_postgresql.url(connection_limit=2, pool_timeout=1)
    with serve(DATABASE_URL=database) as site, ThreadPoolExecutor(2) as others:
        waiting = [others.submit(http_get, f"{site.url}/t/database/wait/") for _ in range(2)]
        wait_until(lambda: count_waiting(held_lock) == 2, "both connections are in use")
        started = time.monotonic()
        page, envelope = (
            http_get(f"{site.url}/t/database/"),
            http_get(f"{site.url}/api/t/database/"),
        )
        # With the pool's own time-out each of them would wait for half a minute.
        assert time.monotonic() - started < 20
        assert page.status == envelope.status == 503
        assert int(page.headers["Retry-After"]) > 0
        assert envelope.json["error"]["code"] == "unavailable"
        assert http_get(f"{site.url}/t/fine/").status == 200
        held_lock.execute("SELECT pg_advisory_unlock(%s)", [WAITING_LOCK])
        assert [request.result().text for request in waiting] == ["waited", "waited"]
        assert http_get(f"{site.url}/t/database/").text == "answered"


def test_exhausted_pool_is_logged_with_request_id(serve, own_postgresql, held_lock):
    database = own_postgresql.url(connection_limit=1, pool_timeout=0.5)
    with serve(DATABASE_URL=database) as site, ThreadPoolExecutor(1) as other:
        waiting = other.submit(http_get, f"{site.url}/t/database/wait/")
        wait_until(lambda: count_waiting(held_lock) == 1, "the connection is in use")
        response = http_get(f"{site.url}/t/database/")
        held_lock.execute("SELECT pg_advisory_unlock(%s)", [WAITING_LOCK])
        waiting.result()
        lines = [json.loads(line) for line in site.log.read_text().splitlines() if "{" in line]
    (line,) = [line for line in lines if line["logger"] == "momentverse.errors"]
    assert line["message"].startswith("database unavailable: couldn't get a connection")
    assert line["request_id"] == response.headers["X-Request-ID"]


def test_site_recovers_when_database_is_back(serve, own_postgresql):
    with serve(DATABASE_URL=own_postgresql.url(connection_limit=4, pool_timeout=1)) as site:
        assert http_get(f"{site.url}/t/database/").status == 200
        own_postgresql.stop()
        response = http_get(f"{site.url}/t/database/")
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert http_get(f"{site.url}/t/fine/").status == 200
        own_postgresql.start()
        wait_until(
            lambda: http_get(f"{site.url}/t/database/").status == 200,
            "the database is back",
            seconds=20,
        )


def test_restart_between_requests_causes_no_failure(serve, own_postgresql):
    with serve(DATABASE_URL=own_postgresql.url(connection_limit=4, pool_timeout=2)) as site:
        assert http_get(f"{site.url}/t/database/").status == 200
        own_postgresql.stop()
        own_postgresql.start()
        assert http_get(f"{site.url}/t/database/").status == 200


def test_site_recovers_quickly_from_long_outage(serve, own_postgresql):
    """A pool with exponential backoff would still be waiting after the database is back."""
    with serve(DATABASE_URL=own_postgresql.url(connection_limit=4, pool_timeout=0.5)) as site:
        own_postgresql.stop()
        until = time.monotonic() + 8
        while time.monotonic() < until:
            assert http_get(f"{site.url}/t/database/").status == 503
        own_postgresql.start()
        wait_until(
            lambda: http_get(f"{site.url}/t/database/").status == 200,
            "the database is back",
            seconds=5,
        )
