"""``manage.py bootstrap``: makes all ready, and changes nothing when it is."""

import json
import socket
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.models import User
from momentverse.management.commands import bootstrap
from tests.support.servers import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def calls(settings, tmp_path, monkeypatch):
    """What it calls, and a data set that may change."""
    settings.BASE_DIR = tmp_path
    settings.FIRST_MOMENTS = [["load", "some.csv"], ["compute", "--from-year", "1950"]]
    settings.PERIODIC_JOBS = [("tidy", 60)]
    (tmp_path / "some.csv").write_text("title,start\n")
    monkeypatch.setattr(bootstrap, "RECORD", tmp_path / "loaded.json")
    calls = []

    def note(*arguments, **options):
        calls.append(arguments)
        if arguments[0] == "ensure_admin":
            call_command(*arguments, **options)

    monkeypatch.setattr(bootstrap, "call_command", note)
    return calls


def run(**options):
    output = StringIO()
    call_command("bootstrap", stdout=output, **options)
    return output.getvalue()


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


def test_a_changed_collection_alone_is_loaded_again(calls, tmp_path):
    run()
    calls.clear()
    (tmp_path / "some.csv").write_text("title,start\nLanding,1969-07-20\n")
    run()
    assert ("load", "some.csv") in calls
    assert "compute" not in [name for name, *_ in calls]


def test_what_has_failed_is_loaded_again(calls, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        calls.append(arguments)
        if arguments[0] == "compute":
            raise RuntimeError("interrupted")

    monkeypatch.setattr(bootstrap, "call_command", fail)
    with pytest.raises(RuntimeError, match="interrupted"):
        run()
    assert list(json.loads((tmp_path / "loaded.json").read_text())) == ["load some.csv"]


def test_a_new_database_is_filled_whatever_an_earlier_one_held(calls, monkeypatch):
    run()
    calls.clear()
    monkeypatch.setattr(bootstrap.connection.introspection, "table_names", list)
    run()
    assert ("load", "some.csv") in calls


def test_production_is_left_as_it_is(calls, settings):
    settings.PRODUCTION = True
    run(without_moments=True)
    assert [name for name, *_ in calls] == ["migrate", "collectstatic"]


def test_files_are_not_collected_while_developing(calls, settings):
    settings.DEBUG = True
    run()
    assert "collectstatic" not in [name for name, *_ in calls]


def test_a_taken_port_is_told_before_anything_is_done(calls):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SystemExit, match=f"Port {port} is in use.*PORT={port + 1}"):
            run(port=port)
    assert calls == []


def test_a_free_port_is_no_matter(calls):
    run(port=free_port())
    assert calls
