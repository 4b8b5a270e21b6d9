"""Whether the process serves, and what it stands on; asked of a real one whose servers are stopped."""

import pytest

from tests.servers import ask, wait_until


def test_it_works(visitor, db):
    assert visitor.get("/health/live/").json() == {"status": "ok"}
    ready = visitor.get("/health/ready/")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "parts": {"database": "ok", "cache": "ok"}}


@pytest.mark.parametrize("name", ["live", "ready"])
def test_it_takes_get_and_head_only(visitor, db, name):
    assert visitor.head(f"/health/{name}/").status_code == 200
    assert visitor.post(f"/health/{name}/").status_code == 405


def test_live_asks_nothing(visitor):
    # No database fixture here: a query would fail this test.
    assert visitor.get("/health/live/").status_code == 200


# On a machine that may be busy: what is there has time to answer.
PATIENT = {"TEST_REDIS_TIMEOUT": "5"}


def is_well(site):
    return ask(f"{site.url}/health/ready/").json["status"] == "ok"


def test_without_the_cache_it_is_degraded(serve, own_postgresql, own_valkey):
    database = own_postgresql.url(connection_limit=4, pool_timeout=1)
    with serve(DATABASE_URL=database, REDIS_URL=own_valkey.url, **PATIENT) as site:
        wait_until(lambda: is_well(site), "all is well")
        own_valkey.stop()
        answer = ask(f"{site.url}/health/ready/")
        assert answer.status == 200
        assert answer.json == {
            "status": "degraded",
            "parts": {"database": "ok", "cache": "unavailable"},
        }
        own_valkey.start()
        wait_until(lambda: is_well(site), "the cache is back")


def test_a_cache_that_hangs_is_degraded_and_quickly_so(serve, own_valkey):
    with serve(REDIS_URL=own_valkey.url) as site:
        wait_until(lambda: is_well(site), "all is well")
        own_valkey.pause()
        answer = ask(f"{site.url}/health/ready/")
        assert answer.status == 200
        assert answer.json["status"] == "degraded"


def test_without_the_database_it_is_not_ready_but_lives(serve, own_postgresql, own_valkey):
    database = own_postgresql.url(connection_limit=4, pool_timeout=1)
    with serve(DATABASE_URL=database, REDIS_URL=own_valkey.url, **PATIENT) as site:
        wait_until(lambda: is_well(site), "all is well")
        own_postgresql.stop()
        answer = ask(f"{site.url}/health/ready/")
        assert answer.status == 503
        assert answer.json == {
            "status": "unavailable",
            "parts": {"database": "unavailable", "cache": "ok"},
        }
        assert ask(f"{site.url}/health/live/").status == 200
