"""Behind a real PgBouncer in transaction mode, where each transaction may use another server connection."""

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
from tests.support.servers import http_get, wait_until
from tests.support.urls import WAITING_LOCK
from timeline.core.exceptions import SpanTaken
from timeline.models import Moment, Status
from timeline.services import placement

pytestmark = pytest.mark.skipif(not PGBOUNCER, reason=NO_PGBOUNCER)

DOCUMENTED = {"pgbouncer": "true", "connection_limit": 10, "pool_timeout": 5}
CLAIMERS = 16
FAR = dt.datetime(1969, 7, 20, 20, 17, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def _database(_postgresql, tmp_path_factory):
    """A database that was migrated and filled with 300 moments through PgBouncer, by the documented URL."""
    with psycopg.connect(_postgresql.url(), autocommit=True) as server:
        server.execute("CREATE DATABASE bounced")
        # Every client must see UTC, whatever the server's local time is.
        server.execute("ALTER DATABASE bounced SET timezone TO 'Asia/Tokyo'")
    with pgbouncer(_postgresql) as bouncer:
        for command in (["migrate", "-v0"], ["generate_moments", "300", "--from-year", "2000"]):
            manage(bouncer.url("bounced", **DOCUMENTED), tmp_path_factory.mktemp("data"), *command)


@pytest.fixture
def bouncer(_database, own_postgresql):
    with pgbouncer(own_postgresql) as running:
        yield running


@pytest.fixture
def bounced(bouncer, django_db_blocker):
    """Return a context manager that puts the default database of a thread behind PgBouncer."""

    @contextmanager
    def connected(**parameters):
        entry = database_from_url(
            bouncer.url("bounced", **(DOCUMENTED | parameters)), settings.DATA_DIR
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
    """With the URL as documented."""
    with serve(DATABASE_URL=bouncer.url("bounced", **DOCUMENTED)) as site:
        page = http_get(f"{site.url}/timeline/")
        assert page.status == 200
        assert "Load Harbour" in page.text or "test data" in page.text.lower()
        assert http_get(f"{site.url}/health/ready/").json["parts"]["database"] == "ok"


def test_concurrent_requests_share_few_connections(serve, bouncer, own_postgresql):
    with (
        serve(DATABASE_URL=bouncer.url("bounced", **DOCUMENTED)) as site,
        ThreadPoolExecutor(16) as visitors,
        psycopg.connect(own_postgresql.url(), autocommit=True) as watcher,
    ):
        urls = [f"{site.url}/timeline/?before={2000 + n}-06-01T00:00:00Z" for n in range(80)]
        assert {response.status for response in visitors.map(http_get, urls)} == {200}
        row = watcher.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'bounced'"
        ).fetchone()
    assert row[0] <= 2


def test_concurrent_claims_have_one_winner_and_leave_no_locks(bounced, own_postgresql):
    """The locks of days and `lock_timeout` end with their transaction (edge case 7)."""
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
        return "saved"

    with ThreadPoolExecutor(CLAIMERS) as claimers:
        outcomes = Counter(claimers.map(claim, range(CLAIMERS)))
    assert outcomes == {"saved": 4, "taken": CLAIMERS - 4}
    with psycopg.connect(own_postgresql.url(), autocommit=True) as watcher:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        assert watcher.execute(locks).fetchone() == (0,)
    with bounced() as one, bounced(pool_timeout=4) as other, transaction.atomic():
        # Each uses one of the two server connections.
        for wrapper in (one, other):
            with wrapper.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == ("0",)


def read_in_chunks(bounced, **parameters):
    """Read all moments in chunks of two while another client uses the free server connection."""
    count = 0
    with bounced(pool_timeout=3) as other:
        with other.cursor():
            pass  # connect
        with bounced(**parameters) as reader:
            # Otherwise the first query may make the pool grow, and the new connections take turns.
            reader.pool.open(wait=True)
            rows = Moment.objects.order_by("pk").iterator(chunk_size=2)
            first = next(rows)
            with transaction.atomic(using=other.alias), other.cursor() as cursor:
                cursor.execute("SELECT 1")
                count = 1 + sum(1 for _ in rows)
    assert first
    return count


def test_chunks_are_read_without_server_side_cursor(bounced):
    """And as a check of the test: without ``pgbouncer=true`` the second chunk is not found."""
    assert read_in_chunks(bounced) >= 300
    with pytest.raises(psycopg.Error, match=r"(cursor|portal) .* does not exist"):
        read_in_chunks(bounced, pgbouncer="false")


def test_no_statements_are_prepared(bounced):
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


def test_exhausted_pool_is_503(serve, bouncer, own_postgresql):
    url = bouncer.url("bounced", **DOCUMENTED | {"connection_limit": 1, "pool_timeout": 0.5})
    with (
        serve(DATABASE_URL=url) as site,
        ThreadPoolExecutor(1) as other,
        # To the same database, because advisory locks belong to one.
        psycopg.connect(own_postgresql.url("bounced"), autocommit=True) as holder,
    ):
        holder.execute("SELECT pg_advisory_lock(%s)", [WAITING_LOCK])
        waiting = other.submit(http_get, f"{site.url}/t/database/wait/")
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: holder.execute(query).fetchone() == (1,), "the connection is in use")
        assert http_get(f"{site.url}/t/database/").status == 503
        holder.execute("SELECT pg_advisory_unlock(%s)", [WAITING_LOCK])
        waiting.result()
        assert http_get(f"{site.url}/t/database/").status == 200


def test_site_recovers_when_pgbouncer_is_back(serve, bouncer):
    with serve(DATABASE_URL=bouncer.url("bounced", **DOCUMENTED)) as site:
        assert http_get(f"{site.url}/t/database/").status == 200
        bouncer.stop()
        assert http_get(f"{site.url}/t/database/").status == 503
        bouncer.start()
        wait_until(
            lambda: http_get(f"{site.url}/t/database/").status == 200, "it is back", seconds=10
        )


def test_site_recovers_when_database_is_back(serve, bouncer, own_postgresql):
    with serve(DATABASE_URL=bouncer.url("bounced", **DOCUMENTED)) as site:
        assert http_get(f"{site.url}/t/database/").status == 200
        own_postgresql.stop()
        assert http_get(f"{site.url}/t/database/").status == 503
        own_postgresql.start()
        wait_until(
            lambda: http_get(f"{site.url}/t/database/").status == 200, "it is back", seconds=10
        )
