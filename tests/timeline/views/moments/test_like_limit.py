"""The limit for likes: generous to a person who browses the timeline, not to a script."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from django.test import Client

from accounts.throttling import middleware
from accounts.throttling.counters import AttemptCounter
from accounts.throttling.rules import LIKE
from momentverse.ratelimit.limiter import get_local_limit
from momentverse.settings import build_cache
from tests.support.servers import valkey
from timeline.models import Like

pytestmark = pytest.mark.django_db
SCRIPT = {"Accept": "application/json"}
LIMIT = LIKE.pair.attempts


@pytest.fixture(autouse=True)
def _own_counters(monkeypatch, settings):
    """Give each test its own counters, in a window that does not end."""
    settings.CACHES = settings.CACHES | {
        "throttle": build_cache("", "counts of likes", ignore_exceptions=False)
    }
    monkeypatch.setattr(middleware, "attempt_counter", AttemptCounter())
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def send_like(client, make_moment, stranger):
    """Return a function that sends a like for one moment."""
    address = f"/moments/{make_moment('1969-07-20').public_id}/like/"
    client.force_login(stranger)

    def post(client=client, **headers):
        return client.post(address, {"like": "yes"}, headers=headers)

    return post


def test_it_works(send_like):
    statuses = [send_like().status_code for _ in range(LIMIT + 2)]
    assert statuses == [303] * LIMIT + [429] * 2


def test_browser_gets_a_page(send_like):
    *_, response = [send_like() for _ in range(LIMIT + 1)]
    assert response["Content-Type"].startswith("text/html")
    assert "You can try again in " in response.text
    assert 1 <= int(response["Retry-After"]) <= 3600


def test_script_gets_json(send_like):
    *_, response = [send_like(**SCRIPT) for _ in range(LIMIT + 1)]
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "too_many_requests"
    assert response.json()["ok"] is False
    assert 1 <= int(response["Retry-After"]) <= 3600


def test_refused_like_is_not_stored(send_like, stranger):
    for _ in range(LIMIT):
        send_like()
    Like.objects.all().delete()
    assert send_like().status_code == 429
    assert not Like.objects.exists()


def test_limit_of_one_person_does_not_affect_others(send_like, django_user_model):
    for _ in range(LIMIT + 1):
        send_like()
    other = Client()
    other.force_login(django_user_model.objects.get_or_create_curator("eve", "Eve"))
    assert send_like(other).status_code == 303


def test_anonymous_visitor_is_always_redirected_to_login(send_like):
    """Anonymous requests are not counted: they cannot like anything."""
    assert {send_like(Client()).status_code for _ in range(LIMIT + 2)} == {302}


@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_limit_applies_while_redis_is_unavailable(send_like, settings, fault):
    """Edge case 17: a stricter local limit applies, and no page fails."""
    with valkey() as server:
        cache = build_cache(server.url, "counts of likes", ignore_exceptions=False)
        settings.CACHES = settings.CACHES | {"throttle": cache}
        assert send_like().status_code == 303
        getattr(server, fault)()
        limit = get_local_limit(LIMIT)
        statuses = [send_like().status_code for _ in range(limit + 2)]
    assert statuses == [303] * limit + [429] * 2
