"""The floor's own pages, and servers that a test may stop."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import Client

from momentverse.logs import JsonFormatter
from tests.database_servers import manage
from tests.momentverse import urls
from tests.momentverse.front import Visitor, new_front
from tests.servers import Postgresql, Site, Valkey, gunicorn, postgresql, site_environment, valkey


@pytest.fixture
def pages(settings: Any) -> None:
    """Serve what ``urls.py`` of this folder holds, below /t/ and /api/t/."""
    settings.ROOT_URLCONF = "tests.momentverse.urls"


@pytest.fixture
def front(pages: None, fresh_cache: None) -> Visitor:
    """Somebody who asks through the page cache; what the pages below ``urls`` have seen is forgotten."""
    urls.seen.clear()
    return Visitor(new_front())


@pytest.fixture
def visitor(pages: None) -> Client:
    """A client that sees error pages where a test client would raise."""
    return Client(raise_request_exception=False)


class Lines(logging.Handler):
    """Keeps what is logged, as the JSON that the console would get."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.texts) if line["logger"] == logger]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything that is logged, as JSON lines."""
    handler = Lines()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Postgresql]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def _valkey() -> Iterator[Valkey]:
    with valkey() as server:
        yield server


@pytest.fixture(scope="session")
def new_database(
    _postgresql: Postgresql, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], None]:
    """Return a function that makes a migrated database of a name, anew; all are copies of one."""
    template = "migrated"
    with psycopg.connect(_postgresql.url(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {template}")
    manage(_postgresql.url(template), tmp_path_factory.mktemp("data"), "migrate", "-v0")

    def make(name: str) -> None:
        with psycopg.connect(_postgresql.url(), autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")

    return make


@pytest.fixture(scope="session")
def collected_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``collectstatic`` makes, for tests that copy it."""
    data_dir = tmp_path_factory.mktemp("collected")
    manage("", data_dir, "collectstatic", "--noinput", "-v0")
    return data_dir / "static"


@pytest.fixture
def own_postgresql(_postgresql: Postgresql) -> Iterator[Postgresql]:
    """A PostgreSQL that a test may stop; it runs again for the next one."""
    yield _postgresql
    _postgresql.start()


@pytest.fixture
def own_valkey(_valkey: Valkey) -> Iterator[Valkey]:
    """A Valkey that a test may stop or pause; it runs again, empty, for the next one."""
    yield _valkey
    _valkey.stop()
    _valkey.start()


Serve = Callable[..., AbstractContextManager[Site]]


def served_pages(folder: Path, **environment: str) -> AbstractContextManager[Site]:
    """Return a context manager that serves this folder's pages, with its data in a folder."""
    (folder / "static").mkdir(exist_ok=True)
    settings = {"DJANGO_SETTINGS_MODULE": "tests.momentverse.served_settings"}
    return gunicorn(site_environment(folder, **settings | environment))


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Return a context manager that serves this folder's pages: ``with serve(REDIS_URL=…) as site``."""
    return partial(served_pages, tmp_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that stop servers on one test process: they share them."""
    stoppable = {"own_postgresql", "own_valkey"}
    for item in items:
        if stoppable & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("own servers"))
            item.add_marker(pytest.mark.slow)
