"""A real streaming replica: which requests read from it, and what happens if it lags or is unavailable."""

from __future__ import annotations

import urllib.request

import psycopg
import pytest

from tests.support.database_servers import streaming_replica
from tests.support.servers import http_get, wait_until

DATABASE = "replicated"
SESSION = {"Cookie": "session=anything"}
BY_REPLICA = "by replica"
BY_PRIMARY = "by default"


@pytest.fixture(scope="module")
def _database(new_database):
    new_database(DATABASE)


@pytest.fixture(scope="module")
def _replica(_database, _postgresql):
    with streaming_replica(_postgresql) as server:
        yield server


@pytest.fixture
def replica(_replica, own_postgresql):
    """A replica that the test may stop or pause; it is started again for the next test."""
    yield _replica
    _replica.start()


@pytest.fixture
def site(serve, own_postgresql, replica):
    urls = {
        "DATABASE_URL": own_postgresql.url(DATABASE, connection_limit=2, pool_timeout=1),
        "DATABASE_REPLICA_URL": replica.url(DATABASE, connection_limit=2),
    }
    with serve(**urls) as site:
        site.databases_url = f"{site.url}/t/people/where/"
        get_from_current_replica(site.databases_url)
        yield site


def post(url):
    with urllib.request.urlopen(urllib.request.Request(url, data=b""), timeout=30) as response:
        return response.read().decode()


def count_users(response):
    return int(response.text.split()[0])


def execute(server, statement):
    with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
        connection.execute(statement)


def get_from_current_replica(url):
    """Request the page until the replica is up to date.

    PostgreSQL also writes to its log by itself, for example when it vacuums, so the replica may lag for
    an instant although nobody has written.
    """
    responses = []

    def is_read_from_replica():
        responses.append(http_get(url))
        return BY_REPLICA in responses[-1].text

    wait_until(is_read_from_replica, "the page is read from the replica")
    return responses[-1]


def test_it_works(site):
    response = get_from_current_replica(site.databases_url)
    assert response.text.endswith(f"in a transaction {BY_PRIMARY}, then {BY_REPLICA}")


def test_replica_rejects_writes(replica):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        execute(replica, "DELETE FROM accounts_user")


def test_request_with_session_reads_from_primary(site):
    assert f" {BY_PRIMARY}," in http_get(site.databases_url, **SESSION).text


def test_post_reads_from_primary(site):
    assert BY_REPLICA not in post(site.databases_url)


def test_request_reads_from_primary_after_writing(site):
    response = get_from_current_replica(f"{site.databases_url}?write=1")
    assert BY_REPLICA in response.text.split(",")[0]
    assert response.text.endswith(f"then {BY_PRIMARY}")


def test_page_is_never_older_than_last_commit(site, replica):
    before = count_users(http_get(site.databases_url))
    execute(replica, "SELECT pg_wal_replay_pause()")
    try:
        post(f"{site.url}/t/people/add/")
        response = http_get(site.databases_url)
        assert count_users(response) == before + 1
        assert BY_REPLICA not in response.text
    finally:
        execute(replica, "SELECT pg_wal_replay_resume()")
    get_from_current_replica(site.databases_url)
    assert count_users(http_get(site.databases_url)) == before + 1


def test_page_from_before_a_write_is_never_cached(site, replica):
    """A page that is rendered right after a write shows it, and so does the cached page after that."""
    url = f"{site.url}/t/people/cached/"
    before = count_users(http_get(url))
    execute(replica, "SELECT pg_wal_replay_pause()")
    try:
        for number in range(1, 4):
            post(f"{site.url}/t/people/add/")
            rendered, cached = http_get(url), http_get(url)
            assert (count_users(rendered), count_users(cached)) == (before + number,) * 2
            assert rendered.text.endswith(BY_PRIMARY)
            assert cached.headers["Cache-Control"].startswith("public")
    finally:
        execute(replica, "SELECT pg_wal_replay_resume()")
    assert count_users(http_get(url)) == before + 3


def test_page_from_replica_is_not_cached_while_primary_is_down(site, replica, own_postgresql):
    """It may be from before the last write; only the primary could tell."""
    url = f"{site.url}/t/people/cached/"
    execute(replica, "SELECT pg_wal_replay_pause()")
    before = count_users(http_get(url))
    post(f"{site.url}/t/people/add/")
    own_postgresql.stop()
    response = http_get(url)
    assert (response.status, count_users(response)) == (200, before)
    assert response.headers["Cache-Control"] == "private, no-store"
    own_postgresql.start()
    wait_until(lambda: count_users(http_get(url)) == before + 1, "the primary is used again")
    execute(replica, "SELECT pg_wal_replay_resume()")


def test_view_is_repeated_on_primary_if_replica_fails(site):
    response = http_get(f"{site.databases_url}?break=1")
    assert response.status == 200
    assert BY_REPLICA not in response.text


def test_site_works_without_replica_and_uses_it_when_it_is_back(site, replica):
    replica.stop()
    responses = [http_get(site.databases_url) for _ in range(20)]
    assert {response.status for response in responses} == {200}
    assert BY_REPLICA not in "".join(response.text for response in responses)
    ready = http_get(f"{site.url}/health/ready/")
    assert (ready.status, ready.json["status"]) == (200, "degraded")
    assert ready.json["parts"]["replica"] == "unavailable"
    replica.start()
    get_from_current_replica(site.databases_url)
    assert http_get(f"{site.url}/health/ready/").json["status"] == "ok"


def test_visitors_read_from_replica_while_primary_is_down(site, own_postgresql):
    own_postgresql.stop()
    assert BY_REPLICA in http_get(f"{site.url}/t/people/").text
    assert http_get(f"{site.url}/t/people/", **SESSION).status == 503
