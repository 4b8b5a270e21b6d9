"""Liking too often: generous to a person who looks through the timeline, not to a script."""

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
OFTEN = LIKE.pair.attempts


@pytest.fixture(autouse=True)
def _own_counts(monkeypatch, settings):
    """Counts of this test alone, in windows that do not end."""
    settings.CACHES = settings.CACHES | {
        "throttle": build_cache("", "counts of likes", ignore_exceptions=False)
    }
    monkeypatch.setattr(middleware, "attempt_counter", AttemptCounter())
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def send(client, make_moment, stranger):
    """Return a function that likes one moment."""
    address = f"/moments/{make_moment('1969-07-20').public_id}/like/"
    client.force_login(stranger)

    def post(client=client, **headers):
        return client.post(address, {"like": "yes"}, headers=headers)

    return post


def test_it_works(send):
    answers = [send().status_code for _ in range(OFTEN + 2)]
    assert answers == [303] * OFTEN + [429] * 2


def test_people_get_a_page(send):
    *_, refused = [send() for _ in range(OFTEN + 1)]
    assert refused["Content-Type"].startswith("text/html")
    assert "You can try again in " in refused.text
    assert 1 <= int(refused["Retry-After"]) <= 3600


def test_a_script_gets_json(send):
    *_, refused = [send(**SCRIPT) for _ in range(OFTEN + 1)]
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many_requests"
    assert refused.json()["ok"] is False
    assert 1 <= int(refused["Retry-After"]) <= 3600


def test_what_is_refused_changes_nothing(send, stranger):
    for _ in range(OFTEN):
        send()
    Like.objects.all().delete()
    assert send().status_code == 429
    assert not Like.objects.exists()


def test_one_who_likes_too_often_keeps_nobody_else_from_it(send, django_user_model):
    for _ in range(OFTEN + 1):
        send()
    other = Client()
    other.force_login(django_user_model.objects.get_or_create_curator("eve", "Eve"))
    assert send(other).status_code == 303


def test_a_visitor_is_sent_to_log_in_however_often(send):
    """Nothing is counted: there is no account yet, and nothing that it could do."""
    assert {send(Client()).status_code for _ in range(OFTEN + 2)} == {302}


@pytest.mark.parametrize("fault", ["stop", "pause"])
def test_it_is_limited_while_redis_is_away(send, settings, fault):
    """Edge case 17: by a stricter local limit, and no page fails."""
    with valkey() as server:
        cache = build_cache(server.url, "counts of likes", ignore_exceptions=False)
        settings.CACHES = settings.CACHES | {"throttle": cache}
        assert send().status_code == 303
        getattr(server, fault)()
        share = get_local_limit(OFTEN)
        answers = [send().status_code for _ in range(share + 2)]
    assert answers == [303] * share + [429] * 2
