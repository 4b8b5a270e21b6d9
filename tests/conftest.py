"""Fixtures for all tests, and the settings that all tests run with."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client

from accounts.hashers import Argon2idPasswordHasher
from accounts.models import User
from momentverse.page_cache.invalidation import get_store
from tests.support import flushing
from tests.support.examples import load_profile
from timeline.core.spans import parse_instant
from timeline.models import Moment, MomentTag, Status, Tag
from timeline.services.placement import save_moment

# Modules with fixtures that several folders use.
pytest_plugins = [
    "tests.support.claims",
    "tests.support.payments",
    "tests.support.pictures",
    "tests.support.prepared_site",
]

load_profile()
flushing.install()

# On a busy machine Redis can answer after the site's time-out, and then the site counts locally. So tests
# wait longer. Tests of that time-out start a Redis of their own and use the site's setting.
for _cache in django_settings.CACHES.values():
    if "SOCKET_TIMEOUT" in _cache.get("OPTIONS", {}):
        _cache["OPTIONS"] |= {"SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}

MakeMoment = Callable[..., Moment]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On the embedded run, select only the tests that use the database or the cache."""
    if not os.environ.get("TEST_ONLY_EMBEDDED"):
        return
    selected, deselected = [], []
    for item in items:
        uses_database_or_cache = (
            item.get_closest_marker("django_db")
            or item.get_closest_marker("embedded")
            or {"db", "transactional_db", "django_cache"} & set(getattr(item, "fixturenames", ()))
        )
        (selected if uses_database_or_cache else deselected).append(item)
    items[:] = selected
    config.hook.pytest_deselected(items=deselected)


@pytest.fixture(autouse=True)
def _skip_on_other_database(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("postgresql") and connection.vendor != "postgresql":
        pytest.skip("about PostgreSQL")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Store SQLite's test database in a file. In memory, connections would not lock each other out."""
    if connection.vendor == "sqlite":
        path = tmp_path_factory.mktemp("database") / "test.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(path)


@pytest.fixture(scope="session")
def _empty_static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A folder of its own, because each new test client lists all files in it.
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def _test_settings(
    settings: Any, tmp_path_factory: pytest.TempPathFactory, _empty_static_root: Path
) -> None:
    # Hashed file names need collected files, which only the browser tests have.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        "pictures": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path_factory.getbasetemp() / "pictures"},
        },
    }
    settings.STATIC_ROOT = _empty_static_root
    # Tests of the rate limit set their own.
    settings.RATE_LIMIT_PER_MINUTE = 1_000_000


@pytest.fixture(autouse=True)
def _make_hashes_cheap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with minimal parameters, by the same code.

    Tests of what a hash costs are marked ``hashing`` and use the real parameters.
    """
    if not request.node.get_closest_marker("hashing"):
        monkeypatch.setattr(Argon2idPasswordHasher, "memory_cost", 8)
        monkeypatch.setattr(Argon2idPasswordHasher, "time_cost", 1)


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.get_or_create_curator("ada", "Ada")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.get_or_create_curator("bob", "Bob")


def new_moment(owner: User, start: str, seconds: int = 60, **fields: Any) -> Moment:
    """Return an active public moment that is not stored yet."""
    starts_at = parse_instant(start)
    fields = {"user": owner, "title": f"Moment of {start}", "status": Status.ACTIVE} | fields
    return Moment(starts_at=starts_at, ends_at=starts_at + dt.timedelta(seconds=seconds), **fields)


@pytest.fixture
def make_moment(owner: User) -> MakeMoment:
    """Return a function that places an active public moment: ``make_moment("1969-07-20T20:17:40Z")``."""

    def make(start: str, seconds: int = 60, **fields: Any) -> Moment:
        return save_moment(new_moment(owner, start, seconds, **fields))

    return make


@pytest.fixture
def admin_client(db: None) -> Client:
    """A client logged in as an admin."""
    admin = User.objects.create_superuser("root@example.org", "chief")
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def close_connections() -> Iterator[None]:
    """Close the main thread's database connection after the test."""
    yield
    connection.close()


@pytest.fixture
def make_tagged_moment(make_moment: MakeMoment) -> MakeMoment:
    """Return a function that places a moment with tags.

    ``make_tagged_moment("1969-07-20", "moon", "apollo")``
    """

    def make(start: str, *names: str, **fields: Any) -> Moment:
        moment = make_moment(start, **fields)
        for name in names:
            tag, _ = Tag.objects.get_or_create(name=name)
            MomentTag.objects.create(moment=moment, tag=tag)
        return moment

    return make


@pytest.fixture
def make_tagged_moments(owner: User) -> Callable[..., list[Moment]]:
    """Return a function that makes many moments with tags in a few statements.

    ``make_tagged_moments([("1969-07-20", ["moon", "apollo"], {"title": "Landing"})])``
    """

    def make(rows: list[tuple[str, list[str], dict[str, Any]]]) -> list[Moment]:
        moments = [new_moment(owner, start, **fields) for start, _, fields in rows]
        Moment.objects.bulk_create(moments[:-1])
        # Save one the usual way, which invalidates the cached pages of the timeline.
        save_moment(moments[-1])
        names = {name for _, row_names, _ in rows for name in row_names}
        Tag.objects.bulk_create([Tag(name=name) for name in sorted(names)], ignore_conflicts=True)
        tags = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
        MomentTag.objects.bulk_create(
            MomentTag(moment=moment, tag=tags[name], starts_at=moment.starts_at)
            for moment, (_, row_names, _) in zip(moments, rows, strict=True)
            for name in row_names
        )
        return moments

    return make


@pytest.fixture
def fresh_cache(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty page cache, with a build version of its own."""
    settings.DATA_DIR = tmp_path
    version = secrets.token_hex(4)
    monkeypatch.setattr("momentverse.page_cache.wsgi.build_version", lambda: version)
    get_store.cache_clear()
    yield
    get_store.cache_clear()
