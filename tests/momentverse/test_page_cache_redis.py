"""The page cache over a Redis of its own: what a hit costs there, and what becomes of it when Redis goes."""

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import redis

from momentverse.limits import RETRY_SHARED_AFTER_SECONDS, Breaker
from momentverse.page_cache.groups import EVERYTHING, TIMELINE
from momentverse.page_cache.redis import Redis
from momentverse.page_cache.stores import MemoryStore, RedisStore, writers_store
from tests.momentverse import urls
from tests.momentverse.front import Visitor, new_front
from tests.servers import Valkey, ask, valkey, wait_until


@pytest.fixture
def over_redis(pages, fresh_cache, settings, own_valkey):
    """Return a function that begins a process; all share one Redis."""
    settings.REDIS_URL = settings.LIMITS_REDIS_URL = own_valkey.url
    # On a machine that may be busy Redis has time to answer; one that hangs is waited for in vain.
    settings.REDIS_TIMEOUT_SECONDS = 2
    urls.seen.clear()
    return lambda: Visitor(new_front())


@pytest.fixture
def later(monkeypatch):
    """Let the breaker's next try come now."""

    def go():
        now = time.monotonic()
        monkeypatch.setattr(
            "momentverse.limits.time.monotonic", lambda: now + RETRY_SHARED_AFTER_SECONDS + 1
        )

    return go


def commands(server: Valkey) -> dict[str, int]:
    stats = redis.Redis.from_url(server.url).info("commandstats")
    return {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}


def test_it_works(over_redis):
    first, second = over_redis(), over_redis()
    assert "made 1 times" in first.get("/t/kept/").text
    assert "made 1 times" in second.get("/t/kept/").text


def test_a_write_by_one_process_is_seen_at_once_by_another(over_redis):
    first, second = over_redis(), over_redis()
    for made in range(1, 20):
        assert f"made {made} times" in first.get("/t/kept/").text
        assert f"made {made} times" in second.get("/t/kept/").text
        writers_store().bump([TIMELINE.name])


def test_a_hit_is_one_mget_and_one_count(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/kept/")
    before = commands(own_valkey)
    for _ in range(10):
        visitor.get("/t/kept/")
    after = commands(own_valkey)
    spent = {name: after[name] - before.get(name, 0) for name in after if name != "info"}
    assert {name: number for name, number in spent.items() if number and "|" not in name} == {
        "mget": 10,
        "evalsha": 10,
        # Of the script that counts, within Redis.
        "time": 10,
        "get": 10,
        "set": 10,
    } | {name: spent[name] for name in ("hello", "client") if spent.get(name)}


def test_it_never_looks_through_keys(over_redis, own_valkey):
    visitor = over_redis()
    for _ in range(3):
        visitor.get("/t/kept/")
        writers_store().bump([TIMELINE.name, EVERYTHING])
    assert {"keys", "scan"} & set(commands(own_valkey)) == set()


def test_invalidating_is_one_write_however_many_entries_there_are(own_valkey):
    store = RedisStore(Redis(own_valkey.url, 5), Breaker())
    for entries in (1, 1000):
        store.put({f"page {number}": b"entry" for number in range(entries)}, 30)
        before = commands(own_valkey)
        store.bump([TIMELINE.name])
        after = commands(own_valkey)
        assert after["mset"] - before.get("mset", 0) == 1
        of_connecting = {"info", "hello", "client|setinfo", "client"}
        asked = {name for name in after if after[name] != before.get(name)}
        assert asked - of_connecting == {"mset"}


def test_entries_leave_by_themselves(over_redis, own_valkey):
    over_redis().get("/t/kept/")
    client = redis.Redis.from_url(own_valkey.url)
    entries = [key for key in client.keys("momentverse-pages:*") if b"/t/kept/" in key]
    assert len(entries) == 4
    assert all(80 <= client.ttl(key) <= 90 for key in entries)


def test_an_evicted_token_makes_its_pages_old(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/kept/")
    redis.Redis.from_url(own_valkey.url).delete("momentverse-pages:group:timeline")
    assert "made 2 times" in visitor.get("/t/kept/").text
    assert "made 2 times" in visitor.get("/t/kept/").text


def test_a_flushed_redis_begins_anew(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/kept/")
    client = redis.Redis.from_url(own_valkey.url)
    client.flushall()
    client.script_flush()
    for _ in range(3):
        assert "made 2 times" in visitor.get("/t/kept/").text


def test_a_restart_goes_unseen(over_redis, own_valkey, lines):
    visitor = over_redis()
    visitor.get("/t/kept/")
    own_valkey.stop()
    own_valkey.start()
    assert visitor.get("/t/kept/", accept_encoding="br").status == 200
    assert "made 2 times" in visitor.get("/t/kept/").text
    assert lines.of("momentverse.limits") == []


def test_pages_are_built_while_redis_is_away(over_redis, own_valkey, later):
    """EDGE_CASES 17: and kept again when it is back, with nothing to do."""
    visitor = over_redis()
    visitor.get("/t/kept/")
    own_valkey.stop()
    for made in (2, 3):
        answer = visitor.get("/t/kept/", accept_encoding="gzip")
        assert f"made {made} times" in answer.text
        assert answer.headers["Content-Encoding"] == "gzip"
    own_valkey.start()
    later()
    visitor.get("/t/kept/")
    made = len(urls.seen)
    visitor.get("/t/kept/"), visitor.get("/t/kept/")
    assert len(urls.seen) <= made + 1


def test_a_paused_redis_costs_one_timeout(over_redis, own_valkey):
    visitor = over_redis()
    visitor.get("/t/kept/")
    own_valkey.pause()
    started = time.monotonic()
    assert {visitor.get("/t/kept/").status for _ in range(50)} == {200}
    # Fifty of them would be a hundred seconds.
    assert time.monotonic() - started < 50
    assert len(urls.seen) == 51


def test_a_crowd_in_front_of_a_paused_redis_pays_once(own_valkey):
    """All who ask at the same time share one question, and one time-out."""
    way = Redis(own_valkey.url, 0.2)
    way.ask(("PING",))
    own_valkey.pause()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(way.ask, ("PING",)) for _ in range(20)]
        errors = [type(question.exception(20)) for question in asked]
    assert set(errors) == {redis.TimeoutError}


def test_a_crowd_gets_everybodys_own_replies(own_valkey):
    way = Redis(own_valkey.url, 5)
    with ThreadPoolExecutor(20) as pool:
        asked = {
            number: pool.submit(way.ask, ("ECHO", number), ("ECHO", -number))
            for number in range(2000)
        }
        for number, question in asked.items():
            assert question.result() == [b"%d" % number, b"%d" % -number]


def test_an_error_of_one_is_not_the_others(own_valkey):
    way = Redis(own_valkey.url, 5)
    one, error, two = way.ask(("ECHO", 1), ("NO-SUCH-COMMAND",), ("ECHO", 2))
    assert (one, two) == (b"1", b"2")
    assert isinstance(error, redis.ResponseError)


def test_a_write_that_redis_does_not_hear_of_is_not_lost(
    over_redis, own_valkey, settings, monkeypatch
):
    """EDGE_CASES 15: who wrote tells it again, until Redis is back."""
    settings.REDIS_TIMEOUT_SECONDS = 5
    visitor = over_redis()
    visitor.get("/t/kept/")
    own_valkey.pause()
    writer = RedisStore(Redis(own_valkey.url, 0.2), Breaker())
    tries = []
    ask_redis = writer._redis.ask
    monkeypatch.setattr(writer._redis, "ask", lambda *q: tries.append(q) or ask_redis(*q))
    writer.bump([TIMELINE.name])
    writer.bump([TIMELINE.name])
    wait_until(lambda: len(tries) >= 3, "it has been told in vain, and is told again")
    assert len([thread for thread in threads() if thread == "page-cache-bump"]) == 1
    own_valkey.resume()
    wait_until(lambda: "page-cache-bump" not in threads(), "the write is told")
    assert "made 2 times" in visitor.get("/t/kept/").text


def threads():
    import threading

    return [thread.name for thread in threading.enumerate()]


def test_after_an_outage_nothing_from_before_it_is_shown(over_redis, own_valkey, later):
    """Whoever has written meanwhile may be gone."""
    visitor = over_redis()
    visitor.get("/t/kept/")
    own_valkey.pause()
    assert "made 2 times" in visitor.get("/t/kept/").text
    own_valkey.resume()
    later()
    assert "made 3 times" in visitor.get("/t/kept/").text


def test_a_redis_that_refuses_to_answer_is_as_good_as_none(over_redis, own_valkey):
    client = redis.Redis.from_url(own_valkey.url)
    visitor = over_redis()
    visitor.get("/t/kept/")
    client.acl_setuser("default", enabled=True, commands=["-mget"], nopass=True)
    assert "made 2 times" in visitor.get("/t/kept/").text


def test_a_write_that_redis_refuses_is_told_again(own_valkey):
    client = redis.Redis.from_url(own_valkey.url)
    store = RedisStore(Redis(own_valkey.url, 5), Breaker())
    before = store.look("page").tokens
    client.acl_setuser("default", enabled=True, commands=["-mset", "-set"], nopass=True)
    store.bump([TIMELINE.name])
    assert "page-cache-bump" in threads()
    client.acl_setuser("default", enabled=True, commands=["+mset", "+set"], nopass=True)
    wait_until(lambda: "page-cache-bump" not in threads(), "the write is told")
    assert store.look("page").tokens[0] != before[0]


def test_a_count_that_redis_refuses_is_made_here(over_redis, own_valkey, settings):
    visitor = over_redis()
    settings.RATE_LIMIT_PER_MINUTE = 100
    redis.Redis.from_url(own_valkey.url).acl_setuser(
        "default", enabled=True, commands=["-evalsha"], nopass=True
    )
    assert visitor.get("/t/kept/").headers["RateLimit-Limit"] == "50"


def test_who_waits_for_a_thread_that_is_stopped_is_told(own_valkey, monkeypatch):
    """A worker that is ended in the middle of a round trip leaves nobody waiting."""
    way = Redis(own_valkey.url, 5)
    gathered = Event()

    def stopped(questions):
        assert gathered.wait(20)
        raise SystemExit

    with ThreadPoolExecutor() as pool, monkeypatch.context() as patch:
        patch.setattr(way, "_answer", stopped)
        first = pool.submit(way.ask, ("PING",))
        wait_until(lambda: way._somebody_asks, "somebody asks")
        second = pool.submit(way.ask, ("PING",))
        gathered.set()
        assert isinstance(first.exception(20), SystemExit)
        assert isinstance(second.exception(20), redis.ConnectionError | SystemExit)
    assert way.ask(("PING",)) == [b"PONG"]


def test_tokens_that_cannot_be_made_are_as_good_as_none(own_valkey):
    store = RedisStore(Redis(own_valkey.url, 5), Breaker())
    question = store.question("page")
    replies = Redis(own_valkey.url, 5).ask(question)
    own_valkey.stop()
    assert store.looked(replies, 1) == [None]


def test_limits_may_have_a_redis_of_their_own(pages, fresh_cache, settings, own_valkey):
    with valkey() as of_limits:
        settings.REDIS_URL, settings.LIMITS_REDIS_URL = own_valkey.url, of_limits.url
        urls.seen.clear()
        visitor = Visitor(new_front())
        for _ in range(3):
            assert "made 1 times" in visitor.get("/t/kept/").text
        assert "evalsha" not in commands(own_valkey)
        assert commands(of_limits)["evalsha"] == 3
        of_limits.stop()
        assert "made 1 times" in visitor.get("/t/kept/").text


def test_pages_may_be_in_redis_and_limits_in_the_process(pages, fresh_cache, settings, own_valkey):
    settings.REDIS_URL, settings.LIMITS_REDIS_URL = own_valkey.url, ""
    urls.seen.clear()
    visitor = Visitor(new_front())
    for _ in range(3):
        assert "made 1 times" in visitor.get("/t/kept/").text


def test_the_limit_counts_hits_and_misses_alike(over_redis, settings):
    settings.RATE_LIMIT_PER_MINUTE = 5
    visitor = over_redis()
    paths = ["/t/kept/", "/t/fine/", "/t/kept/", "/t/kept/?x=1", "/t/nothing/", "/t/kept/"]
    answers = [visitor.get(path) for path in paths]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 404, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == list("432100")
    assert answers[-1].headers["Retry-After"] == answers[-1].headers["RateLimit-Reset"]
    assert "Content-Security-Policy" in answers[-1].headers


def test_pages_in_the_process_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("momentverse.page_cache.stores.MOST_BYTES", 1000)
    store = MemoryStore(tmp_path / "tokens")
    for number in range(5):
        store.put({f"page {number}": b"x" * 300}, 30)
        store.look("page 0")
    assert [store.look(f"page {number}").kept is not None for number in range(5)] == [
        True, False, False, True, True,
    ]  # fmt: skip
    store.put({"page 0": b"y"}, 30)
    assert store.look("page 0").kept == b"y"


def test_pages_in_the_process_end_with_their_time(tmp_path, monkeypatch):
    store = MemoryStore(tmp_path / "tokens")
    store.put({"page": b"x"}, 30)
    now = time.monotonic()
    monkeypatch.setattr("momentverse.page_cache.stores.time.monotonic", lambda: now + 31)
    assert store.look("page").kept is None
    assert store.look("page").kept is None


def test_a_command_beside_the_server_makes_its_pages_old(tmp_path):
    """Embedded: two processes of one machine, no Redis."""
    server, command = MemoryStore(tmp_path / "tokens"), MemoryStore(tmp_path / "tokens")
    before = server.look("page").tokens
    command.bump([TIMELINE.name])
    after = server.look("page").tokens
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True]


def test_no_request_fails_while_redis_does(serve, own_valkey):
    with serve(REDIS_URL=own_valkey.url) as site:
        url = f"{site.url}/t/kept/"
        assert ask(url).status == 200
        own_valkey.pause()
        assert {ask(url).status for _ in range(10)} == {200}
        own_valkey.stop()
        assert {ask(url).status for _ in range(10)} == {200}
        own_valkey.start()
        assert {ask(url).status for _ in range(10)} == {200}


def test_cache_expiry_under_200_visitors_is_one_rebuild(serve, own_valkey):
    """QUALITY.md: two processes, and all come at the moment when the page has gone."""
    client = redis.Redis.from_url(own_valkey.url)
    with serve(REDIS_URL=own_valkey.url, WEB_PROCESSES="2", TEST_REDIS_TIMEOUT="10") as site:
        url = f"{site.url}/t/slow-kept/"
        for _ in range(10):
            ask(url)
            before = site.log.read_text().count("limits fall back")
            client.set("momentverse-pages:group:timeline", secrets.token_hex(8))
            with ThreadPoolExecutor(200) as pool:
                answers = list(pool.map(lambda _: ask(url), range(200)))
            assert {answer.status for answer in answers} == {200}
            # On a machine that is too busy for Redis to answer in time, pages are built without it.
            if site.log.read_text().count("limits fall back") == before:
                break
    # The last copy, and one new one.
    assert len({answer.text for answer in answers}) <= 2
