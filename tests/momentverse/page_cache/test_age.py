"""When a cached page becomes stale: by time, by a write, by a purge. And who renders the new one."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import transaction

from momentverse import page_cache
from momentverse.page_cache.groups import EVERYTHING, GENERATIONS
from momentverse.page_cache.invalidation import get_store
from momentverse.page_cache.stores import REFRESH_LOCK_MS
from tests.support import urls
from tests.support.servers import wait_until
from tests.support.wsgi_client import WSGIClient, build_cached_site

pytestmark = pytest.mark.embedded


@pytest.fixture
def clock(monkeypatch):
    """Return a function that moves the page cache's clock some seconds ahead."""

    def advance(seconds):
        now = time.time()
        monkeypatch.setattr("momentverse.page_cache.wsgi.time.time", lambda: now + seconds)

    return advance


@pytest.fixture
def paused_rendering(cached_client):
    """Pause Django while it renders a page. Returns the events ``started`` and ``resume``."""
    django = cached_client.application._application
    started, resume = Event(), Event()

    def application(environ, start_response):
        started.set()
        assert resume.wait(20)
        return django(environ, start_response)

    cached_client.application._application = application
    return started, resume


def test_it_works(cached_client, clock):
    assert "rendered 1 times" in cached_client.get("/t/cached/").text
    clock(29)
    assert "rendered 1 times" in cached_client.get("/t/cached/").text
    clock(31)
    assert "rendered 2 times" in cached_client.get("/t/cached/").text


@pytest.mark.parametrize("group", [page_cache.TIMELINE, page_cache.PROFILES])
def test_write_makes_pages_of_its_groups_stale(cached_client, group):
    cached_client.get("/t/cached/")
    get_store().bump([group.name])
    assert "rendered 2 times" in cached_client.get("/t/cached/").text
    assert "rendered 2 times" in cached_client.get("/t/cached/").text


def test_write_leaves_other_groups_fresh(cached_client):
    cached_client.get("/t/cached/")
    get_store().bump([page_cache.TRENDING.name, page_cache.STATIC_PAGES.name])
    assert "rendered 1 times" in cached_client.get("/t/cached/").text


def test_page_without_group_is_purged_too(cached_client):
    for renderings in (1, 2, 3):
        for _ in range(2):
            cached_client.get("/t/public/")
            assert len(urls.received) == renderings
        get_store().bump([EVERYTHING])


@pytest.mark.django_db(transaction=True)
def test_write_invalidates_when_it_commits(cached_client):
    cached_client.get("/t/cached/")
    with transaction.atomic():
        page_cache.invalidate(page_cache.TIMELINE)
        assert "rendered 1 times" in cached_client.get("/t/cached/").text
    assert "rendered 2 times" in cached_client.get("/t/cached/").text
    page_cache.purge()
    assert "rendered 3 times" in cached_client.get("/t/cached/").text


@pytest.mark.django_db(transaction=True)
def test_rolled_back_write_does_not_invalidate(cached_client):
    cached_client.get("/t/cached/")
    with transaction.atomic():
        page_cache.invalidate(page_cache.TIMELINE)
        transaction.set_rollback(True)
    assert "rendered 1 times" in cached_client.get("/t/cached/").text


def test_write_during_rendering_makes_page_stale(cached_client, paused_rendering):
    """The generations are read before the database."""
    started, resume = paused_rendering
    with ThreadPoolExecutor() as pool:
        first = pool.submit(cached_client.get, "/t/cached/")
        assert started.wait(20)
        get_store().bump(["timeline"])
        resume.set()
        assert "rendered 1 times" in first.result().text
    assert "rendered 2 times" in cached_client.get("/t/cached/").text


def test_one_worker_renders_while_others_get_stale_page(cached_client, paused_rendering, clock):
    """Edge case 17: no stampede."""
    started, resume = paused_rendering
    resume.set()
    cached_client.get("/t/cached/")
    started.clear(), resume.clear()
    clock(31)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(cached_client.get, "/t/cached/")
        assert started.wait(20)
        others = [cached_client.get("/t/cached/") for _ in range(20)]
        resume.set()
        assert "rendered 2 times" in first.result().text
    assert {"rendered 1 times" in other.text for other in others} == {True}
    assert {other.headers["Age"] for other in others} == {"31"}
    assert len(urls.received) == 2


def test_page_without_stale_copy_is_rendered_once_for_everybody(cached_client, paused_rendering):
    started, resume = paused_rendering
    with ThreadPoolExecutor(20) as pool:
        visitors = [pool.submit(cached_client.get, "/t/cached/") for _ in range(20)]
        assert started.wait(20)
        resume.set()
        responses = {visitor.result().text for visitor in visitors}
    assert len(responses) == len(urls.received) == 1


def test_purged_page_is_served_to_nobody(cached_client, paused_rendering):
    """Edge case 15: not even while the new page is being rendered."""
    started, resume = paused_rendering
    resume.set()
    cached_client.get("/t/cached/")
    started.clear(), resume.clear()
    get_store().bump([EVERYTHING])
    with ThreadPoolExecutor() as pool:
        visitors = [pool.submit(cached_client.get, "/t/cached/") for _ in range(4)]
        assert started.wait(20)
        resume.set()
        assert {"rendered 2 times" in visitor.result().text for visitor in visitors} == {True}


def test_stale_page_is_served_for_limited_time(cached_client, paused_rendering, clock):
    started, resume = paused_rendering
    resume.set()
    cached_client.get("/t/cached/")
    started.clear(), resume.clear()
    clock(91)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(cached_client.get, "/t/cached/")
        assert started.wait(20)
        other = pool.submit(cached_client.get, "/t/cached/")
        resume.set()
        assert "rendered 2 times" in first.result().text
        assert "rendered 2 times" in other.result().text


def test_page_is_rendered_after_polling_in_vain(cached_client, monkeypatch):
    monkeypatch.setattr("momentverse.page_cache.wsgi.POLL_ATTEMPTS", 2)
    store = cached_client.application._store
    page = page_key(cached_client.application)
    assert store.acquire_refresh_lock(page)
    assert "rendered 1 times" in cached_client.get("/t/cached/").text
    store.release_refresh_lock(page)


def page_key(application):
    request = application._parser.parse(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/t/cached/",
            "HTTP_HOST": "testserver",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
        }
    )
    return application._key(request, "")


def test_refresh_lock_expires_if_its_holder_dies(cached_client, monkeypatch):
    monkeypatch.setattr("momentverse.page_cache.stores.REFRESH_LOCK_MS", 50)
    page = page_key(cached_client.application)
    assert cached_client.application._store.acquire_refresh_lock(page)
    wait_until(
        lambda: cached_client.application._store.acquire_refresh_lock(page), "the lock has expired"
    )
    assert REFRESH_LOCK_MS == 10_000


def test_page_rendered_meanwhile_is_not_rendered_again(cached_client, monkeypatch):
    """The holder of the lock looks the page up again, because it may have been stored in between."""
    application = cached_client.application
    acquire = application._store.acquire_refresh_lock

    def acquire_after_another_worker(key):
        monkeypatch.setattr(application._store, "acquire_refresh_lock", acquire)
        cached_client.get("/t/cached/")
        return acquire(key)

    monkeypatch.setattr(application._store, "acquire_refresh_lock", acquire_after_another_worker)
    assert "rendered 1 times" in cached_client.get("/t/cached/").text
    assert len(urls.received) == 1


def test_generation_is_never_reused(cached_client):
    store = cached_client.application._store
    generations = set()
    for _ in range(20):
        store.bump(GENERATIONS)
        generations |= set(store.lookup("nothing").generations)
    assert len(generations) == 20 * len(GENERATIONS)


def test_foreign_value_under_pages_key_is_ignored(cached_client):
    cached_client.application._store.put(
        {page_key(cached_client.application): b"who wrote this?"}, 30
    )
    assert "rendered 1 times" in cached_client.get("/t/cached/").text


def test_processes_see_each_others_writes_at_once(cached_client, fresh_cache):
    """Two applications, as in two processes, over one store of generations."""
    other = WSGIClient(build_cached_site())
    for _ in range(10):
        cached_client.get("/t/cached/"), other.get("/t/cached/")
        renderings = len(urls.received)
        get_store().bump(["timeline"])
        assert f"rendered {renderings + 1} times" in other.get("/t/cached/").text
