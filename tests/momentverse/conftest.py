"""Test views, log capture, and servers that a test may stop."""

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

from momentverse.logging import JsonFormatter
from tests.support import urls
from tests.support.database_servers import manage
from tests.support.servers import (
    Postgresql,
    Site,
    Valkey,
    gunicorn,
    postgresql,
    site_environment,
    valkey,
)
from tests.support.wsgi_client import WSGIClient, build_cached_site


@pytest.fixture
def pages(settings: Any) -> None:
    """Add the views of ``tests.support.urls`` below /t/ and /api/t/."""
    settings.ROOT_URLCONF = "tests.support.urls"


@pytest.fixture
def cached_client(pages: None, fresh_cache: None) -> WSGIClient:
    """A client whose requests go through the page cache; ``urls.received`` is empty."""
    urls.received.clear()
    return WSGIClient(build_cached_site())


@pytest.fixture
def visitor(pages: None) -> Client:
    """A client that returns error pages instead of raising the exceptions of views."""
    return Client(raise_request_exception=False)


class LogCapture(logging.Handler):
    """Captures log messages as the lines of JSON that the console would get."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def from_logger(self, logger: str) -> list[dict[str, Any]]:
        """Return the parsed lines of one logger."""
        return [line for line in map(json.loads, self.lines) if line["logger"] == logger]


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """Everything that is logged at INFO or above."""
    handler = LogCapture()
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


@pytest.fixture
def own_postgresql(_postgresql: Postgresql) -> Iterator[Postgresql]:
    """A PostgreSQL that the test may stop; it is started again for the next test."""
    yield _postgresql
    _postgresql.start()


@pytest.fixture
def own_valkey(_valkey: Valkey) -> Iterator[Valkey]:
    """A Valkey that the test may stop or pause; it is restarted, empty, for the next test."""
    yield _valkey
    _valkey.stop()
    _valkey.start()


Serve = Callable[..., AbstractContextManager[Site]]


def served_pages(folder: Path, **environment: str) -> AbstractContextManager[Site]:
    """Return a context manager that serves the views of ``tests.support.urls`` from ``folder``."""
    (folder / "static").mkdir(exist_ok=True)
    settings = {"DJANGO_SETTINGS_MODULE": "tests.support.served_settings"}
    return gunicorn(site_environment(folder, **settings | environment))


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serve a site with the views of ``tests.support.urls``: ``with serve(REDIS_URL=…) as site``."""
    return partial(served_pages, tmp_path)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all tests that stop servers in one test process, because they share the servers."""
    stoppable = {"own_postgresql", "own_valkey"}
    for item in items:
        if stoppable & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("own servers"))
            item.add_marker(pytest.mark.slow)
