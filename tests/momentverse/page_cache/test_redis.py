"""The page cache in Redis: what a hit costs, and what happens while Redis is unavailable."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import redis

from momentverse.page_cache.groups import EVERYTHING, TIMELINE
from momentverse.page_cache.invalidation import get_store
from momentverse.page_cache.stores import MemoryStore, RedisStore
from momentverse.redis.breaker import RETRY_SECONDS, CircuitBreaker
from momentverse.redis.client import RedisClient
from tests.support import urls
from tests.support.servers import Valkey, http_get, valkey, wait_until
from tests.support.wsgi_client import WSGIClient, build_cached_site


@pytest.fixture
def over_redis(pages, fresh_cache, settings, own_valkey):
    """Return a function that builds a client of another process; all processes share one Redis."""
    settings.REDIS_URL = settings.LIMITS_REDIS_URL = own_valkey.url
    # Enough for Redis to answer on a busy machine.
    settings.REDIS_TIMEOUT_SECONDS = 2
    urls.received.clear()
    return lambda: WSGIClient(build_cached_site())


@pytest.fixture
def skip_pause(monkeypatch):
    """Return a function that ends the pause of open circuit breakers."""

    def skip():
        now = time.monotonic()
        monkeypatch.setattr(
            "momentverse.redis.breaker.time.monotonic",
            lambda: now + RETRY_SECONDS + 1,
        )

    return skip


def commands(server: Valkey) -> dict[str, int]:
    stats = redis.Redis.from_url(server.url).info("commandstats")
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}


def test_it_works(over_redis):
    first, second = over_redis(), over_redis()
    assert "rendered 1 times" in first.get("/t/cached/").text
    assert "rendered 1 times" in second.get("/t/cached/").text


def test_write_by_one_process_is_seen_at_once_by_another(over_redis):
    first, second = over_redis(), over_redis()
    for renderings in range(1, 20):
        assert f"rendered {renderings} times" in first.get("/t/cached/").text
        assert f"rendered {renderings} times" in second.get("/t/cached/").text
        get_store().bump([TIMELINE.name])


def test_hit_costs_one_mget_and_one_count(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/cached/")
    before = commands(own_valkey)
    for _ in range(10):
        visitor.get("/t/cached/")
    after = commands(own_valkey)
    spent = {name: after[name] - before.get(name, 0) for name in after if name != "info"}
    assert {name: number for name, number in spent.items() if number and "|" not in name} == {
        "mget": 10,
        "evalsha": 10,
        # By the script that counts, inside Redis.
        "time": 10,
        "get": 10,
        "set": 10,
    } | {name: spent[name] for name in ("hello", "client") if spent.get(name)}


def test_keys_are_never_scanned(over_redis, own_valkey):
    visitor = over_redis()
    for _ in range(3):
        visitor.get("/t/cached/")
        get_store().bump([TIMELINE.name, EVERYTHING])
    assert {"keys", "scan"} & set(commands(own_valkey)) == set()


def test_invalidation_costs_one_command_for_any_number_of_entries(own_valkey):
    store = RedisStore(RedisClient(own_valkey.url, 5), CircuitBreaker())
    for entries in (1, 1000):
        store.put({f"page {number}": b"entry" for number in range(entries)}, 30)
        before = commands(own_valkey)
        store.bump([TIMELINE.name])
        after = commands(own_valkey)
        assert after["mset"] - before.get("mset", 0) == 1
        by_connecting = {"info", "hello", "client|setinfo", "client"}
        used = {name for name in after if after[name] != before.get(name)}
        assert used - by_connecting == {"mset"}


def test_entries_expire(over_redis, own_valkey):
    over_redis().get("/t/cached/")
    client = redis.Redis.from_url(own_valkey.url)
    entries = [key for key in client.keys("momentverse-pages:*") if b"/t/cached/" in key]
    assert len(entries) == 4
    assert all(80 <= client.ttl(key) <= 90 for key in entries)


def test_evicted_generation_makes_its_pages_stale(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/cached/")
    redis.Redis.from_url(own_valkey.url).delete("momentverse-pages:group:timeline")
    assert "rendered 2 times" in visitor.get("/t/cached/").text
    assert "rendered 2 times" in visitor.get("/t/cached/").text


def test_pages_are_cached_again_after_flush(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/cached/")
    client = redis.Redis.from_url(own_valkey.url)
    client.flushall()
    client.script_flush()
    for _ in range(3):
        assert "rendered 2 times" in visitor.get("/t/cached/").text


def test_restart_of_redis_causes_no_failure(over_redis, own_valkey, log):
    visitor = over_redis()
    visitor.get("/t/cached/")
    own_valkey.stop()
    own_valkey.start()
    assert visitor.get("/t/cached/", accept_encoding="br").status == 200
    assert "rendered 2 times" in visitor.get("/t/cached/").text
    assert log.from_logger("momentverse.limits") == []


def test_pages_are_rendered_while_redis_is_stopped(over_redis, own_valkey, skip_pause):
    """Edge case 17: and cached again as soon as it is back."""
    visitor = over_redis()
    visitor.get("/t/cached/")
    own_valkey.stop()
    for renderings in (2, 3):
        response = visitor.get("/t/cached/", accept_encoding="gzip")
        assert f"rendered {renderings} times" in response.text
        assert response.headers["Content-Encoding"] == "gzip"
    own_valkey.start()
    skip_pause()
    visitor.get("/t/cached/")
    renderings = len(urls.received)
    visitor.get("/t/cached/"), visitor.get("/t/cached/")
    assert len(urls.received) <= renderings + 1


def test_paused_redis_costs_one_timeout(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/cached/")
    own_valkey.pause()
    started = time.monotonic()
    assert {visitor.get("/t/cached/").status for _ in range(50)} == {200}
    # Fifty timeouts would take a hundred seconds.
    assert time.monotonic() - started < 50
    assert len(urls.received) == 51


def test_concurrent_calls_of_paused_redis_share_one_timeout(own_valkey):
    client = RedisClient(own_valkey.url, 0.2)
    client.execute(("PING",))
    own_valkey.pause()
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(client.execute, ("PING",)) for _ in range(20)]
        errors = [type(call.exception(20)) for call in calls]
    assert set(errors) == {redis.TimeoutError}


def test_concurrent_calls_get_their_own_replies(own_valkey):
    client = RedisClient(own_valkey.url, 5)
    with ThreadPoolExecutor(20) as pool:
        calls = {
            number: pool.submit(client.execute, ("ECHO", number), ("ECHO", -number))
            for number in range(2000)
        }
        for number, call in calls.items():
            assert call.result() == [b"%d" % number, b"%d" % -number]


def test_error_of_one_command_does_not_affect_the_others(own_valkey):
    client = RedisClient(own_valkey.url, 5)
    one, error, two = client.execute(("ECHO", 1), ("NO-SUCH-COMMAND",), ("ECHO", 2))
    assert (one, two) == (b"1", b"2")
    assert isinstance(error, redis.ResponseError)


def test_invalidation_is_retried_until_redis_is_back(over_redis, own_valkey, settings, monkeypatch):
    """Edge case 15."""
    settings.REDIS_TIMEOUT_SECONDS = 5
    visitor = over_redis()
    visitor.get("/t/cached/")
    own_valkey.pause()
    writer = RedisStore(RedisClient(own_valkey.url, 0.2), CircuitBreaker())
    attempts = []
    execute = writer._redis.execute
    monkeypatch.setattr(
        writer._redis, "execute", lambda *commands: attempts.append(commands) or execute(*commands)
    )
    writer.bump([TIMELINE.name])
    writer.bump([TIMELINE.name])
    wait_until(lambda: len(attempts) >= 3, "the invalidation was retried")
    assert len([thread for thread in threads() if thread == "page-cache-bump"]) == 1
    own_valkey.resume()
    wait_until(lambda: "page-cache-bump" not in threads(), "the invalidation has succeeded")
    assert "rendered 2 times" in visitor.get("/t/cached/").text


def threads():
    import threading

    return [thread.name for thread in threading.enumerate()]


def test_pages_from_before_an_outage_are_not_served_after_it(over_redis, own_valkey, skip_pause):
    """A process that wrote during the outage may have ended without invalidating anything."""
    visitor = over_redis()
    visitor.get("/t/cached/")
    own_valkey.pause()
    assert "rendered 2 times" in visitor.get("/t/cached/").text
    own_valkey.resume()
    skip_pause()
    assert "rendered 3 times" in visitor.get("/t/cached/").text


def test_lookup_that_redis_refuses_is_a_miss(over_redis, own_valkey):
    client = redis.Redis.from_url(own_valkey.url)
    visitor = over_redis()
    visitor.get("/t/cached/")
    client.acl_setuser("default", enabled=True, commands=["-mget"], nopass=True)
    assert "rendered 2 times" in visitor.get("/t/cached/").text


def test_invalidation_that_redis_refuses_is_retried(own_valkey):
    client = redis.Redis.from_url(own_valkey.url)
    store = RedisStore(RedisClient(own_valkey.url, 5), CircuitBreaker())
    before = store.lookup("page").generations
    client.acl_setuser("default", enabled=True, commands=["-mset", "-set"], nopass=True)
    store.bump([TIMELINE.name])
    assert "page-cache-bump" in threads()
    client.acl_setuser("default", enabled=True, commands=["+mset", "+set"], nopass=True)
    wait_until(lambda: "page-cache-bump" not in threads(), "the invalidation has succeeded")
    assert store.lookup("page").generations[0] != before[0]


def test_request_is_counted_locally_if_redis_refuses(over_redis, own_valkey, settings):
    visitor = over_redis()
    settings.RATE_LIMIT_PER_MINUTE = 100
    redis.Redis.from_url(own_valkey.url).acl_setuser(
        "default", enabled=True, commands=["-evalsha"], nopass=True
    )
    assert visitor.get("/t/cached/").headers["RateLimit-Limit"] == "50"


def test_waiting_thread_gets_error_if_sending_thread_is_stopped(own_valkey, monkeypatch):
    """A worker that ends in the middle of a round trip leaves no thread waiting."""
    client = RedisClient(own_valkey.url, 5)
    queued = Event()

    def stop(calls):
        assert queued.wait(20)
        raise SystemExit

    with ThreadPoolExecutor() as pool, monkeypatch.context() as patch:
        patch.setattr(client, "_send", stop)
        first = pool.submit(client.execute, ("PING",))
        wait_until(lambda: client._is_sending, "the first thread sends")
        second = pool.submit(client.execute, ("PING",))
        queued.set()
        assert isinstance(first.exception(20), SystemExit)
        assert isinstance(second.exception(20), redis.ConnectionError | SystemExit)
    assert client.execute(("PING",)) == [b"PONG"]


def test_lookup_without_generations_is_a_miss_if_they_cannot_be_seeded(own_valkey):
    store = RedisStore(RedisClient(own_valkey.url, 5), CircuitBreaker())
    command = store.lookup_command("page")
    replies = RedisClient(own_valkey.url, 5).execute(command)
    own_valkey.stop()
    assert store.parse_replies(replies, 1) == [None]


def test_limits_may_have_a_redis_of_their_own(pages, fresh_cache, settings, own_valkey):
    with valkey() as limits_valkey:
        settings.REDIS_URL, settings.LIMITS_REDIS_URL = own_valkey.url, limits_valkey.url
        urls.received.clear()
        visitor = WSGIClient(build_cached_site())
        for _ in range(3):
            assert "rendered 1 times" in visitor.get("/t/cached/").text
        assert "evalsha" not in commands(own_valkey)
        assert commands(limits_valkey)["evalsha"] == 3
        limits_valkey.stop()
        assert "rendered 1 times" in visitor.get("/t/cached/").text


def test_pages_may_be_in_redis_and_limits_in_the_process(pages, fresh_cache, settings, own_valkey):
    settings.REDIS_URL, settings.LIMITS_REDIS_URL = own_valkey.url, ""
    urls.received.clear()
    visitor = WSGIClient(build_cached_site())
    for _ in range(3):
        assert "rendered 1 times" in visitor.get("/t/cached/").text


def test_limit_counts_hits_and_misses_alike(over_redis, settings):
    settings.RATE_LIMIT_PER_MINUTE = 5
    visitor = over_redis()
    paths = ["/t/cached/", "/t/fine/", "/t/cached/", "/t/cached/?x=1", "/t/nothing/", "/t/cached/"]
    responses = [visitor.get(path) for path in paths]
    assert [response.status for response in responses] == [200, 200, 200, 200, 404, 429]
    assert [response.headers["RateLimit-Remaining"] for response in responses] == list("432100")
    assert responses[-1].headers["Retry-After"] == responses[-1].headers["RateLimit-Reset"]
    assert "Content-Security-Policy" in responses[-1].headers


def test_memory_store_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("momentverse.page_cache.stores.MAX_BYTES", 1000)
    store = MemoryStore(tmp_path / "generations")
    for number in range(5):
        store.put({f"page {number}": b"x" * 300}, 30)
        store.lookup("page 0")
    assert [store.lookup(f"page {number}").stored is not None for number in range(5)] == [
        True, False, False, True, True,
    ]  # fmt: skip
    store.put({"page 0": b"y"}, 30)
    assert store.lookup("page 0").stored == b"y"


def test_memory_store_expires_entries(tmp_path, monkeypatch):
    store = MemoryStore(tmp_path / "generations")
    store.put({"page": b"x"}, 30)
    now = time.monotonic()
    monkeypatch.setattr("momentverse.page_cache.stores.time.monotonic", lambda: now + 31)
    assert store.lookup("page").stored is None
    assert store.lookup("page").stored is None


def test_command_invalidates_pages_of_embedded_server(tmp_path):
    """Two processes on one machine, without Redis."""
    path = tmp_path / "generations"
    server, command = MemoryStore(path), MemoryStore(path)
    before = server.lookup("page").generations
    command.bump([TIMELINE.name])
    after = server.lookup("page").generations
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True]


def test_no_request_fails_while_redis_is_unavailable(serve, own_valkey):
    with serve(REDIS_URL=own_valkey.url) as site:
        url = f"{site.url}/t/cached/"
        assert http_get(url).status == 200
        own_valkey.pause()
        assert {http_get(url).status for _ in range(10)} == {200}
        own_valkey.stop()
        assert {http_get(url).status for _ in range(10)} == {200}
        own_valkey.start()
        assert {http_get(url).status for _ in range(10)} == {200}


def test_page_that_expires_under_200_visitors_is_rendered_once(serve, own_valkey):
    """The goal: one rendering, though 200 visitors ask two processes just after the page expired."""
    client = redis.Redis.from_url(own_valkey.url)
    with serve(REDIS_URL=own_valkey.url, WEB_PROCESSES="2", TEST_REDIS_TIMEOUT="10") as site:
        url = f"{site.url}/t/slow-cached/"
        for _ in range(10):
            http_get(url)
            before = site.log.read_text().count("limits fall back")
            client.set("momentverse-pages:group:timeline", secrets.token_hex(8))
            with ThreadPoolExecutor(200) as pool:
                responses = list(pool.map(lambda _: http_get(url), range(200)))
            assert {response.status for response in responses} == {200}
            # On a machine that is too busy for Redis to response in time, pages are rendered without it.
            if site.log.read_text().count("limits fall back") == before:
                break
    # The stale page and one new one.
    assert len({response.text for response in responses}) <= 2
