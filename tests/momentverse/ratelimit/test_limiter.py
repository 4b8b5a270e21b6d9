"""How many requests are allowed, whom they are counted under, and how a rejected one is answered."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client

from accounts.models import User
from momentverse.ratelimit.limiter import Limiter
from momentverse.redis.breaker import RETRY_SECONDS
from tests.support.servers import http_get


@pytest.fixture
def limit(settings, pages):
    """A limit of five per minute, counted in this process."""
    settings.RATE_LIMIT_PER_MINUTE = 5
    settings.LIMITS_REDIS_URL = ""


def test_it_works(limit):
    client = Client()
    statuses = [client.get("/t/fine/").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_headers_report_the_limit(limit):
    client = Client()
    for remaining in (4, 3, 2, 1, 0, 0):
        response = client.get("/t/fine/")
        assert response["RateLimit-Limit"] == "5"
        assert response["RateLimit-Remaining"] == str(remaining)
        assert 1 <= int(response["RateLimit-Reset"]) <= 120


def get_rejected(path):
    """Return the response to the sixth request."""
    client = Client()
    for _ in range(5):
        client.get(path)
    return client.get(path)


def test_page_states_when_to_try_again(limit):
    response = get_rejected("/t/fine/")
    assert response.status_code == 429
    assert response["Retry-After"] == response["RateLimit-Reset"]
    assert "A little slower" in response.text
    assert f"You can go on in {response['Retry-After']} s." in response.text


def test_api_gets_the_error_envelope(limit):
    response = get_rejected("/api/t/json/")
    assert response.status_code == 429
    body = json.loads(response.content)
    assert body["ok"] is False
    assert body["error"]["code"] == "too_many_requests"
    assert "You can go on in" in body["error"]["message"]
    assert int(response["Retry-After"]) >= 1


def test_health_checks_are_exempt(limit):
    client = Client()
    responses = [client.get("/health/live/") for _ in range(8)]
    assert {response.status_code for response in responses} == {200}
    assert "RateLimit-Limit" not in responses[0]


def test_static_files_are_exempt(limit, settings, tmp_path):
    (tmp_path / "site.css").write_text("p { color: red }")
    settings.STATIC_ROOT = tmp_path
    client = Client()
    assert {client.get("/static/site.css").status_code for _ in range(8)} == {200}


def test_urls_that_only_look_exempt_are_counted(limit):
    client = Client()
    paths = ["/static/none.css", "/t/fine/?/health/", "/T/health/", "/t//health/", "/healthy/"]
    for path in paths:
        assert client.get(path).status_code != 429
    assert client.get("/static/none.css").status_code == 429


def test_networks_are_counted_separately(limit):
    client = Client()
    for _ in range(6):
        client.get("/t/fine/", REMOTE_ADDR="203.0.113.7")
    assert client.get("/t/fine/", REMOTE_ADDR="203.0.113.7").status_code == 429
    assert client.get("/t/fine/", REMOTE_ADDR="203.0.113.8").status_code == 200


def test_ipv6_64_is_one_network(limit):
    client = Client()
    statuses = [
        client.get("/t/fine/", REMOTE_ADDR=f"2001:db8:1:2::{n:x}").status_code for n in range(7)
    ]
    assert statuses == [200] * 5 + [429] * 2


@pytest.mark.django_db
def test_user_is_counted_separately_from_network(limit):
    client = Client()
    for _ in range(6):
        client.get("/t/fine/")
    client.force_login(User.objects.create_user("ada@example.org", "ada"))
    assert client.get("/t/who/").text == "@ada"
    client.logout()
    assert client.get("/t/fine/").status_code == 429


@pytest.mark.django_db
def test_user_is_counted_across_networks(limit):
    client = Client()
    client.force_login(User.objects.create_user("ada@example.org", "ada"))
    statuses = [client.get("/t/fine/", REMOTE_ADDR=f"203.0.113.{n}").status_code for n in range(7)]
    assert statuses == [200] * 5 + [429] * 2


@pytest.mark.django_db
def test_invented_session_is_counted_by_network(limit):
    client = Client()
    statuses = []
    for number in range(7):
        client.cookies["session"] = f"{number:032d}"
        statuses.append(client.get("/t/fine/").status_code)
    assert statuses == [200] * 5 + [429] * 2


def count_allowed(limiter, threads=20, requests=400, per_minute=100):
    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(lambda _: limiter.hit("crowd", per_minute), range(requests)))
    return sum(result.allowed for result in results)


def test_limit_is_exact_in_one_process():
    assert count_allowed(Limiter("", 0.2)) == 100


def test_limit_is_exact_in_redis(own_valkey):
    # A generous timeout, because the machine may be busy, and this is about the count.
    assert count_allowed(Limiter(own_valkey.url, 5)) == 100


def test_processes_share_one_count(own_valkey):
    first, second = Limiter(own_valkey.url, 5), Limiter(own_valkey.url, 5)
    assert all(first.hit("shared", 10).allowed for _ in range(6))
    assert sum(second.hit("shared", 10).allowed for _ in range(10)) == 4


def test_limit_is_halved_while_redis_is_unavailable(own_valkey, log):
    limiter = Limiter(own_valkey.url, 5)
    assert limiter.hit("first", 100).limit == 100
    own_valkey.stop()
    assert count_allowed(limiter) == 50
    warnings = log.from_logger("momentverse.limits")
    assert warnings
    assert warnings[0]["message"].startswith("limits fall back to this process")


def test_limiter_starts_without_redis(own_valkey):
    own_valkey.stop()
    assert Limiter(own_valkey.url, 0.2).hit("first", 100).allowed


def test_hanging_redis_costs_one_timeout(own_valkey, monkeypatch):
    limiter = Limiter(own_valkey.url, 0.2)
    execute, calls = limiter.redis.execute, []
    monkeypatch.setattr(limiter.redis, "execute", lambda *c: calls.append(c) or execute(*c))
    own_valkey.pause()
    now = started = time.monotonic()
    with monkeypatch.context() as patched:
        # Redis is not tried again meanwhile, however long this takes.
        patched.setattr("momentverse.redis.breaker.time.monotonic", lambda: now)
        assert all(limiter.hit("hanging", 1000).allowed for _ in range(100))
    assert len(calls) == 1
    # A hundred time-outs would be twenty seconds.
    assert time.monotonic() - started < 10


def test_unavailable_redis_is_tried_by_one_thread(own_valkey, log, monkeypatch):
    limiter = Limiter(own_valkey.url, 0.2)
    limiter.hit("first", 100)
    own_valkey.pause()
    limiter.hit("first", 100)
    now = time.monotonic()
    monkeypatch.setattr("momentverse.redis.breaker.time.monotonic", lambda: now + RETRY_SECONDS + 1)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: limiter.hit("crowd", 100), range(100)))
    assert len(log.from_logger("momentverse.limits")) == 2


def test_redis_is_used_again_when_it_is_back(own_valkey, monkeypatch):
    limiter = Limiter(own_valkey.url, 5)
    own_valkey.stop()
    assert limiter.hit("key", 100).limit == 50
    own_valkey.start()
    assert limiter.hit("key", 100).limit == 50
    now = time.monotonic()
    monkeypatch.setattr("momentverse.redis.breaker.time.monotonic", lambda: now + RETRY_SECONDS + 1)
    assert limiter.hit("key", 100).limit == 100
    assert limiter.hit("key", 100).limit == 100


def test_restart_of_redis_between_requests_is_harmless(own_valkey):
    limiter = Limiter(own_valkey.url, 5)
    limiter.hit("key", 100)
    own_valkey.stop()
    own_valkey.start()
    assert limiter.hit("key", 100).limit == 100


def test_counting_continues_after_flush(own_valkey):
    import redis

    limiter = Limiter(own_valkey.url, 5)
    limiter.hit("key", 100)
    client = redis.Redis.from_url(own_valkey.url)
    client.flushall()
    client.script_flush()
    assert limiter.hit("key", 100).remaining == 99


def test_url_may_name_a_socket():
    limiter = Limiter("unix:///nowhere/valkey.sock", 0.2)
    assert limiter.hit("key", 100).limit == 50


def test_no_request_fails_while_redis_is_unavailable(serve, own_valkey):
    patient = {"TEST_REDIS_TIMEOUT": "2"}
    with serve(REDIS_URL=own_valkey.url, RATE_LIMIT_PER_MINUTE="40", **patient) as site:
        assert http_get(f"{site.url}/t/fine/").headers["RateLimit-Limit"] == "40"
        own_valkey.pause()
        paused = [http_get(f"{site.url}/t/fine/") for _ in range(10)]
        own_valkey.stop()
        stopped = [http_get(f"{site.url}/t/fine/") for _ in range(15)]
    assert {response.status for response in paused} == {200}
    assert [response.status for response in stopped] == [200] * 10 + [429] * 5
    assert stopped[0].headers["RateLimit-Limit"] == "20"
