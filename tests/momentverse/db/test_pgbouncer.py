"""Behind a real PgBouncer in transaction mode: each transaction may meet another server connection."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.db import connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from accounts.models import User
from momentverse.db.url import database_from_url
from tests.support.database_servers import NO_PGBOUNCER, PGBOUNCER, manage, pgbouncer
from tests.support.servers import ask, wait_until
from tests.support.urls import WAITING_LOCK
from timeline.core.exceptions import SpanTaken
from timeline.models import Moment, Status
from timeline.services import placement

pytestmark = pytest.mark.skipif(not PGBOUNCER, reason=NO_PGBOUNCER)

AS_WRITTEN = {"pgbouncer": "true", "connection_limit": 10, "pool_timeout": 5}
CLAIMERS = 16
FAR = dt.datetime(1969, 7, 20, 20, 17, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def _database(_postgresql, tmp_path_factory):
    """A migrated database with 300 moments: all of it done through PgBouncer, by the documented URL."""
    with psycopg.connect(_postgresql.url(), autocommit=True) as server:
        server.execute("CREATE DATABASE bounced")
        # Whatever the server thinks is local time, every client is to see UTC.
        server.execute("ALTER DATABASE bounced SET timezone TO 'Asia/Tokyo'")
    with pgbouncer(_postgresql) as bouncer:
        for command in (["migrate", "-v0"], ["generate_moments", "300", "--from-year", "2000"]):
            manage(bouncer.url("bounced", **AS_WRITTEN), tmp_path_factory.mktemp("data"), *command)


@pytest.fixture
def bouncer(_database, own_postgresql):
    with pgbouncer(own_postgresql) as running:
        yield running


@pytest.fixture
def bounced(bouncer, django_db_blocker):
    """Return a context manager in which a thread's default database is behind PgBouncer."""

    @contextmanager
    def connected(**parameters):
        entry = database_from_url(
            bouncer.url("bounced", **(AS_WRITTEN | parameters)), settings.DATA_DIR
        )
        name = f"bounced {parameters}"
        connections.databases[name] = settings.DATABASES["default"] | entry
        before, wrapper = connections["default"], connections[name]
        connections["default"] = wrapper
        try:
            yield wrapper
        finally:
            wrapper.close()
            connections["default"] = before
            del connections[name]

    pools = DatabaseWrapper._connection_pools
    with django_db_blocker.unblock():
        yield connected
    for name in [name for name in pools if name.startswith("bounced ")]:
        pools.pop(name).close()


def test_it_works(serve, bouncer):
    """The guide's URL, as written there."""
    with serve(DATABASE_URL=bouncer.url("bounced", **AS_WRITTEN)) as site:
        page = ask(f"{site.url}/timeline/")
        assert page.status == 200
        assert "Load Harbour" in page.text or "test data" in page.text.lower()
        assert ask(f"{site.url}/health/ready/").json["parts"]["database"] == "ok"


def test_many_requests_at_once_share_few_connections(serve, bouncer, own_postgresql):
    with (
        serve(DATABASE_URL=bouncer.url("bounced", **AS_WRITTEN)) as site,
        ThreadPoolExecutor(16) as visitors,
        psycopg.connect(own_postgresql.url(), autocommit=True) as watcher,
    ):
        addresses = [f"{site.url}/timeline/?before={2000 + n}-06-01T00:00:00Z" for n in range(80)]
        assert {answer.status for answer in visitors.map(ask, addresses)} == {200}
        found = watcher.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'bounced'"
        ).fetchone()
    assert found[0] <= 2


def test_racing_claims_leave_one_winner_each_and_nothing_behind(bounced, own_postgresql):
    """The days' locks and `lock_timeout` are a transaction's: they go with it (edge case 7)."""
    with bounced():
        owner, _ = User.objects.get_or_create(email="racer@load.invalid", handle="racer")

    def claim(number):
        start = FAR + dt.timedelta(minutes=number % 4)
        moment = Moment(
            user=owner,
            title="x",
            status=Status.ACTIVE,
            starts_at=start,
            ends_at=start + dt.timedelta(seconds=59),
        )
        with bounced():
            try:
                placement.save_moment(moment)
            except SpanTaken:
                return "taken"
        return "placed"

    with ThreadPoolExecutor(CLAIMERS) as claimers:
        outcomes = Counter(claimers.map(claim, range(CLAIMERS)))
    assert outcomes == {"placed": 4, "taken": CLAIMERS - 4}
    with psycopg.connect(own_postgresql.url(), autocommit=True) as watcher:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert watcher.execute(locks).fetchone() == (0,)
    with bounced() as one, bounced(pool_timeout=4) as other, transaction.atomic():
        # Each holds one of the two server connections.
        for wrapper in (one, other):
            with wrapper.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == ("0",)


def read_by_twos(bounced, **parameters):
    """Read all moments in small pieces, while another client takes the free server connection."""
    seen = 0
    with bounced(pool_timeout=3) as other:
        with other.cursor():
            pass  # it is connected
        with bounced(**parameters) as reader:
            # Else its first query may let it grow, and the connections made meanwhile take turns.
            reader.pool.open(wait=True)
            rows = Moment.objects.order_by("pk").iterator(chunk_size=2)
            first = next(rows)
            with transaction.atomic(using=other.alias), other.cursor() as cursor:
                cursor.execute("SELECT 1")
                seen = 1 + sum(1 for _ in rows)
    assert first
    return seen


def test_rows_are_read_in_pieces_without_a_cursor_in_the_server(bounced):
    """The control: without ``pgbouncer=true`` the rest of the rows is looked for in vain."""
    assert read_by_twos(bounced) >= 300
    with pytest.raises(psycopg.Error, match=r"(cursor|portal) .* does not exist"):
        read_by_twos(bounced, pgbouncer="false")


def test_nothing_is_prepared_in_the_server(bounced):
    with bounced() as wrapper:
        for _ in range(20):
            assert User.objects.filter(handle="nobody").exists() is False
        with wrapper.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert cursor.fetchone() == (0,)


def test_every_client_sees_utc(bounced):
    for parameters in ({}, {"pool_timeout": 2}):
        with bounced(**parameters) as wrapper, wrapper.cursor() as cursor:
            cursor.execute("SHOW timezone")
            assert cursor.fetchone() == ("UTC",)


def test_an_exhausted_pool_is_503(serve, bouncer, own_postgresql):
    url = bouncer.url("bounced", **AS_WRITTEN | {"connection_limit": 1, "pool_timeout": 0.5})
    with (
        serve(DATABASE_URL=url) as site,
        ThreadPoolExecutor(1) as other,
        # Of the same database: an advisory lock is a database's.
        psycopg.connect(own_postgresql.url("bounced"), autocommit=True) as holder,
    ):
        holder.execute("SELECT pg_advisory_lock(%s)", [WAITING_LOCK])
        held = other.submit(ask, f"{site.url}/t/database/wait/")
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: holder.execute(query).fetchone() == (1,), "the connection is in use")
        assert ask(f"{site.url}/t/database/").status == 503
        holder.execute("SELECT pg_advisory_unlock(%s)", [WAITING_LOCK])
        held.result()
        assert ask(f"{site.url}/t/database/").status == 200


def test_a_restarted_pgbouncer_is_found_again(serve, bouncer):
    with serve(DATABASE_URL=bouncer.url("bounced", **AS_WRITTEN)) as site:
        assert ask(f"{site.url}/t/database/").status == 200
        bouncer.stop()
        assert ask(f"{site.url}/t/database/").status == 503
        bouncer.start()
        wait_until(lambda: ask(f"{site.url}/t/database/").status == 200, "it is back", seconds=10)


def test_a_restarted_database_is_found_again(serve, bouncer, own_postgresql):
    with serve(DATABASE_URL=bouncer.url("bounced", **AS_WRITTEN)) as site:
        assert ask(f"{site.url}/t/database/").status == 200
        own_postgresql.stop()
        assert ask(f"{site.url}/t/database/").status == 503
        own_postgresql.start()
        wait_until(lambda: ask(f"{site.url}/t/database/").status == 200, "it is back", seconds=10)
