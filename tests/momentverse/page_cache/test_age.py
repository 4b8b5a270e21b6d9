"""How a page grows old: by time, by a write, by a purge; and who makes the new one."""

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
from tests.support.page_cache_front import Visitor, build_cached_site
from tests.support.servers import wait_until

pytestmark = pytest.mark.embedded


@pytest.fixture
def clock(monkeypatch):
    """Let the front's clock go ahead by some seconds."""

    def ahead(seconds):
        now = time.time()
        monkeypatch.setattr("momentverse.page_cache.wsgi.time.time", lambda: now + seconds)

    return ahead


@pytest.fixture
def slow(front):
    """Let Django begin a page, and finish it when told so: ``begun``, ``go_on``."""
    django = front.application._application
    begun, go_on = Event(), Event()

    def application(environ, start_response):
        begun.set()
        assert go_on.wait(20)
        return django(environ, start_response)

    front.application._application = application
    return begun, go_on


def test_it_works(front, clock):
    assert "made 1 times" in front.get("/t/kept/").text
    clock(29)
    assert "made 1 times" in front.get("/t/kept/").text
    clock(31)
    assert "made 2 times" in front.get("/t/kept/").text


@pytest.mark.parametrize("group", [page_cache.TIMELINE, page_cache.PROFILES])
def test_a_write_makes_the_pages_of_its_groups_old(front, group):
    front.get("/t/kept/")
    get_store().bump([group.name])
    assert "made 2 times" in front.get("/t/kept/").text
    assert "made 2 times" in front.get("/t/kept/").text


def test_a_write_leaves_other_groups_alone(front):
    front.get("/t/kept/")
    get_store().bump([page_cache.TRENDING.name, page_cache.STATIC_PAGES.name])
    assert "made 1 times" in front.get("/t/kept/").text


def test_a_page_without_a_group_is_purged_too(front):
    for made in (1, 2, 3):
        for _ in range(2):
            front.get("/t/public/")
            assert len(urls.seen) == made
        get_store().bump([EVERYTHING])


@pytest.mark.django_db(transaction=True)
def test_a_write_is_told_when_it_is_committed(front):
    front.get("/t/kept/")
    with transaction.atomic():
        page_cache.invalidate(page_cache.TIMELINE)
        assert "made 1 times" in front.get("/t/kept/").text
    assert "made 2 times" in front.get("/t/kept/").text
    page_cache.purge()
    assert "made 3 times" in front.get("/t/kept/").text


@pytest.mark.django_db(transaction=True)
def test_a_write_that_is_taken_back_is_not_told(front):
    front.get("/t/kept/")
    with transaction.atomic():
        page_cache.invalidate(page_cache.TIMELINE)
        transaction.set_rollback(True)
    assert "made 1 times" in front.get("/t/kept/").text


def test_a_write_while_a_page_is_made_makes_it_old(front, slow):
    """The tokens are read before the database."""
    begun, go_on = slow
    with ThreadPoolExecutor() as pool:
        first = pool.submit(front.get, "/t/kept/")
        assert begun.wait(20)
        get_store().bump(["timeline"])
        go_on.set()
        assert "made 1 times" in first.result().text
    assert "made 2 times" in front.get("/t/kept/").text


def test_one_makes_it_and_the_others_see_the_last_copy(front, slow, clock):
    """Edge case 17: no stampede."""
    begun, go_on = slow
    go_on.set()
    front.get("/t/kept/")
    begun.clear(), go_on.clear()
    clock(31)
    with ThreadPoolExecutor() as pool:
        maker = pool.submit(front.get, "/t/kept/")
        assert begun.wait(20)
        others = [front.get("/t/kept/") for _ in range(20)]
        go_on.set()
        assert "made 2 times" in maker.result().text
    assert {"made 1 times" in other.text for other in others} == {True}
    assert {other.headers["Age"] for other in others} == {"31"}
    assert len(urls.seen) == 2


def test_who_comes_first_does_not_wait_alone(front, slow):
    """A page that nobody has a copy of is made once, and everybody gets it."""
    begun, go_on = slow
    with ThreadPoolExecutor(20) as pool:
        visitors = [pool.submit(front.get, "/t/kept/") for _ in range(20)]
        assert begun.wait(20)
        go_on.set()
        answers = {visitor.result().text for visitor in visitors}
    assert len(answers) == len(urls.seen) == 1


def test_what_was_purged_is_shown_to_nobody(front, slow):
    """Edge case 15: not even while the new page is being made."""
    begun, go_on = slow
    go_on.set()
    front.get("/t/kept/")
    begun.clear(), go_on.clear()
    get_store().bump([EVERYTHING])
    with ThreadPoolExecutor() as pool:
        visitors = [pool.submit(front.get, "/t/kept/") for _ in range(4)]
        assert begun.wait(20)
        go_on.set()
        assert {"made 2 times" in visitor.result().text for visitor in visitors} == {True}


def test_a_copy_is_not_shown_for_ever(front, slow, clock):
    begun, go_on = slow
    go_on.set()
    front.get("/t/kept/")
    begun.clear(), go_on.clear()
    clock(91)
    with ThreadPoolExecutor() as pool:
        maker = pool.submit(front.get, "/t/kept/")
        assert begun.wait(20)
        other = pool.submit(front.get, "/t/kept/")
        go_on.set()
        assert "made 2 times" in maker.result().text
        assert "made 2 times" in other.result().text


def test_who_has_waited_long_enough_makes_it_alone(front, monkeypatch):
    monkeypatch.setattr("momentverse.page_cache.wsgi.POLL_ATTEMPTS", 2)
    store = front.application._store
    page = page_key(front.application)
    assert store.become_refresher(page)
    assert "made 1 times" in front.get("/t/kept/").text
    store.resign(page)


def page_key(front):
    asked = front._reader.read(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/t/kept/",
            "HTTP_HOST": "testserver",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
        }
    )
    return front._key(asked, "")


def test_who_dies_while_making_a_page_is_followed(front, monkeypatch):
    """A refresher that is never heard of again holds nobody up for longer than its time."""
    monkeypatch.setattr("momentverse.page_cache.stores.REFRESH_LOCK_MS", 50)
    page = page_key(front.application)
    assert front.application._store.become_refresher(page)
    wait_until(lambda: front.application._store.become_refresher(page), "its time is over")
    assert REFRESH_LOCK_MS == 10_000


def test_a_page_made_meanwhile_is_not_made_again(front, monkeypatch):
    """Who looked before the last refresher was ready looks again before making it."""
    application = front.application
    become = application._store.become_refresher

    def somebody_was_faster(key):
        monkeypatch.setattr(application._store, "become_refresher", become)
        front.get("/t/kept/")
        return become(key)

    monkeypatch.setattr(application._store, "become_refresher", somebody_was_faster)
    assert "made 1 times" in front.get("/t/kept/").text
    assert len(urls.seen) == 1


def test_a_forgotten_token_revives_nothing(front):
    """Whatever becomes of a group's token, it is never again what it was."""
    store = front.application._store
    tokens = set()
    for _ in range(20):
        store.bump(GENERATIONS)
        tokens |= set(store.look("nothing").tokens)
    assert len(tokens) == 20 * len(GENERATIONS)


def test_a_foreign_value_under_a_pages_key_is_no_page(front):
    front.application._store.put({page_key(front.application): b"who wrote this?"}, 30)
    assert "made 1 times" in front.get("/t/kept/").text


def test_processes_see_each_others_writes_at_once(front, fresh_cache):
    """Two fronts, as two processes have them, over one store of tokens."""
    other = Visitor(build_cached_site())
    for _ in range(10):
        front.get("/t/kept/"), other.get("/t/kept/")
        made = len(urls.seen)
        get_store().bump(["timeline"])
        assert f"made {made + 1} times" in other.get("/t/kept/").text
