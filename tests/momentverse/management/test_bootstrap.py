"""``manage.py bootstrap``: sets everything up, and changes nothing the second time."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder

from accounts.models import User
from momentverse.management.commands import bootstrap
from tests.support.servers import ROOT, SITE_VARIABLES, find_free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls(settings, tmp_path, monkeypatch):
    """Return the list of commands that it calls. Its only data set is a file that tests may change."""
    settings.BASE_DIR = tmp_path
    settings.FIRST_MOMENTS = [["load", "some.csv"], ["compute", "--from-year", "1950"]]
    settings.PERIODIC_JOBS = [("tidy", 60)]
    (tmp_path / "some.csv").write_text("title,start\n")
    monkeypatch.setattr(bootstrap, "RECORD", tmp_path / "loaded.json")
    calls = []

    def record_call(*arguments, **options):
        calls.append(arguments)
        if arguments[0] == "ensure_admin":
            call_command(*arguments, **options)

    monkeypatch.setattr(bootstrap, "call_command", record_call)
    return calls


def run(**options):
    output = StringIO()
    call_command("bootstrap", stdout=output, **options)
    return output.getvalue()


@pytest.fixture
def old_database(tmp_path):
    """Return the file of an embedded database that was made before the migrations were squashed."""
    path = tmp_path / "momentverse.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            CREATE TABLE django_migrations (
                id integer PRIMARY KEY, app varchar(255), name varchar(255), applied datetime
            );
            INSERT INTO django_migrations (app, name, applied) VALUES
                ('accounts', '0001_initial', '2026-11-24'),
                ('accounts', '0002_known_network', '2026-11-24'),
                ('timeline', '0001_initial', '2026-11-24'),
                ('timeline', '0002_database_rules', '2026-11-24');
            CREATE TABLE moments (id bigint PRIMARY KEY, shown_before varchar(8));
            INSERT INTO moments VALUES (1969, 'public');
        """)
    return path


def query(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_old_embedded_database_is_moved_aside_and_created_again(
    old_database, tmp_path, collected_files
):
    shutil.copytree(collected_files, tmp_path / "static")
    (tmp_path / "loaded.json").write_text('{"import_moments first.csv": "hash"}')
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "source").write_text("picture")
    environment = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    done = subprocess.run(
        [sys.executable, "manage.py", "bootstrap", "--without-moments"],
        cwd=ROOT,
        env=environment | {"DATA_DIR": str(tmp_path), "MOMENTVERSE_MODE": "embedded"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (aside,) = tmp_path.glob("momentverse-old-*.sqlite3")
    assert "earlier version" in done.stdout
    assert str(aside) in done.stdout
    assert query(aside, "SELECT * FROM moments") == [(1969, "public")]
    assert query(old_database, "SELECT count(*) FROM moments") == [(0,)]
    assert ("0005_search",) in query(old_database, "SELECT name FROM django_migrations")
    assert not (tmp_path / "loaded.json").exists()
    assert (tmp_path / "pictures" / "source").read_text() == "picture"


def test_unfinished_writes_move_with_the_old_database(old_database):
    """Another process may still have the database open. Then a part of it is in the WAL file."""
    wal = old_database.with_name("momentverse.sqlite3-wal")
    with closing(sqlite3.connect(old_database)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("INSERT INTO moments VALUES (1970, 'private')")
        other.commit()
        assert wal.stat().st_size
        aside = bootstrap.move_database_aside(old_database)
    assert not old_database.exists()
    assert not wal.exists()
    assert query(aside, "SELECT id FROM moments") == [(1969,), (1970,)]


@pytest.mark.parametrize("production", [False, True])
def test_old_database_elsewhere_is_refused_and_stays(calls, settings, production):
    """In production, and wherever ``DATABASE_URL`` points, nobody but its owner moves a database."""
    settings.PRODUCTION = production
    MigrationRecorder.Migration.objects.create(app="timeline", name="0003_claims_and_payments")
    with pytest.raises(SystemExit, match=r"earlier version.*timeline\.0003_claims_and_payments"):
        run()
    assert calls == []


def test_unknown_migration_of_another_package_is_no_reason_to_refuse(calls):
    MigrationRecorder.Migration.objects.create(app="sessions", name="9999_from_the_future")
    run()
    assert "migrate" in [name for name, *_ in calls]


def test_it_works(calls):
    printed = run()
    names = [name for name, *_ in calls]
    assert names == ["migrate", "tidy", "load", "compute", "ensure_admin", "collectstatic"]
    assert "password: " in printed
    assert User.objects.filter(is_superuser=True).count() == 1


def test_moments_are_loaded_once(calls):
    run()
    calls.clear()
    printed = run()
    assert [name for name, *_ in calls] == ["migrate", "tidy", "ensure_admin", "collectstatic"]
    assert len(printed.splitlines()) == 1


def test_only_a_changed_data_set_is_loaded_again(calls, tmp_path):
    run()
    calls.clear()
    (tmp_path / "some.csv").write_text("title,start\nLanding,1969-07-20\n")
    run()
    assert ("load", "some.csv") in calls
    assert "compute" not in [name for name, *_ in calls]


def test_failed_load_is_repeated(calls, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        calls.append(arguments)
        if arguments[0] == "compute":
            raise RuntimeError("interrupted")

    monkeypatch.setattr(bootstrap, "call_command", fail)
    with pytest.raises(RuntimeError, match="interrupted"):
        run()
    assert list(json.loads((tmp_path / "loaded.json").read_text())) == ["load some.csv"]


def test_new_database_is_filled_although_an_earlier_one_was(calls, monkeypatch):
    run()
    calls.clear()
    monkeypatch.setattr(bootstrap.connection.introspection, "table_names", lambda cursor=None: [])
    run()
    assert ("load", "some.csv") in calls


def test_production_gets_no_moments_and_no_admin(calls, settings):
    settings.PRODUCTION = True
    run(without_moments=True)
    assert [name for name, *_ in calls] == ["migrate", "collectstatic"]


def test_static_files_are_not_collected_in_development(calls, settings):
    settings.DEBUG = True
    run()
    assert "collectstatic" not in [name for name, *_ in calls]


def test_port_in_use_is_refused_before_anything_is_done(calls):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=f"Port {port} is in use.*PORT={port + 1}"):
            run(port=port)
    assert calls == []


def test_free_port_is_accepted(calls):
    run(port=find_free_port())
    assert calls
