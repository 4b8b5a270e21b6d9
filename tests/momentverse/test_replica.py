"""A real streaming replica: who reads from it, and what happens when it lags or is away."""

from __future__ import annotations

import urllib.request

import psycopg
import pytest

from tests.database_servers import streaming_replica
from tests.servers import ask, wait_until

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
    """A replica that a test may stop or pause; it runs again for the next one."""
    yield _replica
    _replica.start()


@pytest.fixture
def site(serve, own_postgresql, replica):
    urls = {
        "DATABASE_URL": own_postgresql.url(DATABASE, connection_limit=2, pool_timeout=1),
        "DATABASE_REPLICA_URL": replica.url(DATABASE, connection_limit=2),
    }
    with serve(**urls) as site:
        site.where = f"{site.url}/t/people/where/"
        wait_until(lambda: BY_REPLICA in ask(site.where).text, "the replica follows")
        yield site


def post(url):
    with urllib.request.urlopen(urllib.request.Request(url, data=b""), timeout=30) as response:
        return response.read().decode()


def count(answer):
    return int(answer.text.split()[0])


def execute(server, statement):
    with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
        connection.execute(statement)


def test_it_works(site):
    answer = ask(site.where)
    assert answer.text.endswith(f"in a transaction {BY_PRIMARY}, then {BY_REPLICA}")


def test_it_only_reads(replica):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        execute(replica, "DELETE FROM accounts_user")


def test_somebody_with_a_session_reads_from_the_primary(site):
    assert f" {BY_PRIMARY}," in ask(site.where, **SESSION).text


def test_whatever_posts_reads_from_the_primary(site):
    assert BY_REPLICA not in post(site.where)


def test_what_has_written_reads_it_back(site):
    answer = ask(f"{site.where}?write=1")
    assert BY_REPLICA in answer.text.split(",")[0]
    assert answer.text.endswith(f"then {BY_PRIMARY}")


def test_a_page_is_never_older_than_the_last_commit(site, replica):
    before = count(ask(site.where))
    execute(replica, "SELECT pg_wal_replay_pause()")
    try:
        post(f"{site.url}/t/people/add/")
        answer = ask(site.where)
        assert count(answer) == before + 1
        assert BY_REPLICA not in answer.text
    finally:
        execute(replica, "SELECT pg_wal_replay_resume()")
    wait_until(lambda: BY_REPLICA in ask(site.where).text, "the replica has caught up")
    assert count(ask(site.where)) == before + 1


def test_a_page_is_never_kept_from_before_a_write(site, replica):
    """What is made anew right after a write is of after it, and so is what is kept then."""
    address = f"{site.url}/t/people/kept/"
    before = count(ask(address))
    execute(replica, "SELECT pg_wal_replay_pause()")
    try:
        for number in range(1, 4):
            post(f"{site.url}/t/people/add/")
            made, kept = ask(address), ask(address)
            assert (count(made), count(kept)) == (before + number,) * 2
            assert made.text.endswith(BY_PRIMARY)
            assert kept.headers["Cache-Control"].startswith("public")
    finally:
        execute(replica, "SELECT pg_wal_replay_resume()")
    assert count(ask(address)) == before + 3


def test_what_a_replica_says_alone_is_kept_by_nobody(site, replica, own_postgresql):
    """With the primary away it may be from before the last write; nobody can tell."""
    address = f"{site.url}/t/people/kept/"
    execute(replica, "SELECT pg_wal_replay_pause()")
    before = count(ask(address))
    post(f"{site.url}/t/people/add/")
    own_postgresql.stop()
    alone = ask(address)
    assert (alone.status, count(alone)) == (200, before)
    assert alone.headers["Cache-Control"] == "private, no-store"
    own_postgresql.start()
    wait_until(lambda: count(ask(address)) == before + 1, "the primary is asked again")
    execute(replica, "SELECT pg_wal_replay_resume()")


def test_one_that_breaks_off_in_a_request_is_done_without(site):
    answer = ask(f"{site.where}?break=1")
    assert answer.status == 200
    assert BY_REPLICA not in answer.text


def test_one_that_is_away_is_done_without_and_found_again(site, replica):
    replica.stop()
    answers = [ask(site.where) for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert BY_REPLICA not in "".join(answer.text for answer in answers)
    ready = ask(f"{site.url}/health/ready/")
    assert (ready.status, ready.json["status"]) == (200, "degraded")
    assert ready.json["parts"]["replica"] == "unavailable"
    replica.start()
    wait_until(lambda: BY_REPLICA in ask(site.where).text, "it is back")
    assert ask(f"{site.url}/health/ready/").json["status"] == "ok"


def test_visitors_read_on_while_the_primary_is_away(site, own_postgresql):
    own_postgresql.stop()
    assert BY_REPLICA in ask(f"{site.url}/t/people/").text
    assert ask(f"{site.url}/t/people/", **SESSION).status == 503
