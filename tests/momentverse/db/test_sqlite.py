"""The embedded database is in WAL mode."""

import sqlite3
import subprocess
import sys

import pytest
from django.db import connection

from momentverse.db.sqlite import enable_wal
from tests.support.servers import ROOT, site_environment


@pytest.fixture(autouse=True)
def _sqlite(db):
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")


def read_pragma(name):
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]


def test_it_works():
    assert read_pragma("journal_mode") == "wal"


def test_mode_is_stored_in_the_file():
    other = sqlite3.connect(connection.settings_dict["NAME"])
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_each_connection_has_our_settings():
    assert read_pragma("synchronous") == 1  # NORMAL
    assert read_pragma("foreign_keys") == 1
    assert read_pragma("busy_timeout") == 20_000


@pytest.mark.django_db(transaction=True)
def test_enabling_it_twice_is_harmless():
    enable_wal("default")
    assert read_pragma("journal_mode") == "wal"


def test_migrate_enables_it_in_new_file(tmp_path):
    site = site_environment(tmp_path)
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=site, check=True
    )
    database = sqlite3.connect(tmp_path / "momentverse.sqlite3")
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
