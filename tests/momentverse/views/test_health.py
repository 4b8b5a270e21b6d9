"""The health checks of a real site whose database and cache are stopped."""

import pytest

from tests.support.servers import http_get, wait_until


def test_it_works(visitor, db):
    assert visitor.get("/health/live/").json() == {"status": "ok"}
    ready = visitor.get("/health/ready/")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "parts": {"database": "ok", "cache": "ok"}}


@pytest.mark.parametrize("name", ["live", "ready"])
def test_only_get_and_head_are_allowed(visitor, db, name):
    assert visitor.head(f"/health/{name}/").status_code == 200
    assert visitor.post(f"/health/{name}/").status_code == 405


def test_live_makes_no_query(visitor):
    # Without a database fixture, a query fails.
    assert visitor.get("/health/live/").status_code == 200


# Enough for Redis to answer on a busy machine, so that only a stopped server counts as unavailable.
LONG_REDIS_TIMEOUT = {"TEST_REDIS_TIMEOUT": "5"}


def is_well(site):
    return http_get(f"{site.url}/health/ready/").json["status"] == "ok"


def test_ready_is_degraded_without_cache(serve, own_postgresql, own_valkey):
    database = own_postgresql.url(connection_limit=4, pool_timeout=1)
    with serve(DATABASE_URL=database, REDIS_URL=own_valkey.url, **LONG_REDIS_TIMEOUT) as site:
        wait_until(lambda: is_well(site), "all is well")
        own_valkey.stop()
        response = http_get(f"{site.url}/health/ready/")
        assert response.status == 200
        assert response.json == {
            "status": "degraded",
            "parts": {"database": "ok", "cache": "unavailable"},
        }
        own_valkey.start()
        wait_until(lambda: is_well(site), "the cache is back")


def test_ready_is_degraded_quickly_if_cache_hangs(serve, own_valkey):
    with serve(REDIS_URL=own_valkey.url) as site:
        wait_until(lambda: is_well(site), "all is well")
        own_valkey.pause()
        response = http_get(f"{site.url}/health/ready/")
        assert response.status == 200
        assert response.json["status"] == "degraded"


def test_site_is_live_but_not_ready_without_database(serve, own_postgresql, own_valkey):
    database = own_postgresql.url(connection_limit=4, pool_timeout=1)
    with serve(DATABASE_URL=database, REDIS_URL=own_valkey.url, **LONG_REDIS_TIMEOUT) as site:
        wait_until(lambda: is_well(site), "all is well")
        own_postgresql.stop()
        response = http_get(f"{site.url}/health/ready/")
        assert response.status == 503
        assert response.json == {
            "status": "unavailable",
            "parts": {"database": "unavailable", "cache": "ok"},
        }
        assert http_get(f"{site.url}/health/live/").status == 200
