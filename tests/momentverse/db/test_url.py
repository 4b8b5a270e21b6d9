"""DATABASE_URL: the documented forms, and common mistakes."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from momentverse.db.url import database_from_url, replica_from_url

PGBOUNCER = (
    "postgresql://momentverse:secret@pgbouncer.example:6432/momentverse"
    "?pgbouncer=true&connection_limit=10&pool_timeout=5"
)


def parse(url):
    return database_from_url(url, Path("/data"))


def test_it_works():
    database = parse(PGBOUNCER)
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"]) == ("pgbouncer.example", 6432)
    assert (database["USER"], database["PASSWORD"]) == ("momentverse", "secret")
    assert database["NAME"] == "momentverse"
    assert database["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert database["OPTIONS"]["prepare_threshold"] is None
    assert database["OPTIONS"]["pool"]["max_size"] == 10
    assert database["OPTIONS"]["pool"]["timeout"] == 5.0
    assert {"pgbouncer", "connection_limit", "pool_timeout"}.isdisjoint(database["OPTIONS"])


def test_only_the_pool_keeps_connections():
    database = parse(PGBOUNCER)
    assert database["CONN_MAX_AGE"] == 0
    assert database["CONN_HEALTH_CHECKS"] is True


def test_default_is_a_pool_without_pgbouncer():
    database = parse("postgresql://momentverse@db.example/momentverse")
    assert database["OPTIONS"]["pool"]["max_size"] == 10
    assert "prepare_threshold" not in database["OPTIONS"]
    assert not database.get("DISABLE_SERVER_SIDE_CURSORS")


def test_other_parameters_are_passed_to_libpq():
    options = parse("postgres://u@h/d?sslmode=verify-full&application_name=web")["OPTIONS"]
    assert options["sslmode"] == "verify-full"
    assert options["application_name"] == "web"


def test_url_may_name_a_socket():
    assert parse("postgresql://u:@/d?host=/run/postgresql")["OPTIONS"]["host"] == "/run/postgresql"


def test_default_is_the_embedded_database():
    database = parse("")
    assert database["NAME"] == "/data/momentverse.sqlite3"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_url_may_name_an_sqlite_file():
    assert parse("sqlite:////srv/other.sqlite3")["NAME"] == "/srv/other.sqlite3"


@pytest.mark.parametrize(
    "parameter",
    [
        "connection_limit=0",
        "connection_limit=-1",
        "connection_limit=0.5",
        "connection_limit=many",
        "pool_timeout=0",
        "pool_timeout=nan",
        "pool_timeout=inf",
        "pool_timeout=soon",
        "connection_limt=10",
    ],
)
def test_invalid_parameter_is_named(parameter):
    with pytest.raises(ImproperlyConfigured, match=f"DATABASE_URL.*{parameter.split('=')[0]}"):
        parse(f"postgresql://u@h/d?{parameter}")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://u:hunter2@h/d",
        "postgresql://u:hunter2@h:port/d",
        "oracle://u:hunter2@h/d",
    ],
)
def test_error_for_invalid_url_does_not_contain_password(url):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as refusal:
        parse(url)
    assert "hunter2" not in str(refusal.value)


def parse_replica(url, primary="postgresql://u@h/d"):
    return replica_from_url(url, parse(primary))


def test_replica_takes_the_same_parameters_and_waits_less():
    database = parse_replica("postgresql://u@replica.example/d?connection_limit=4&pool_timeout=5")
    assert database["HOST"] == "replica.example"
    assert database["OPTIONS"]["pool"]["max_size"] == 4
    assert database["OPTIONS"]["pool"]["timeout"] == 1.0
    assert database["OPTIONS"]["pool"]["reconnect_timeout"] == 1.0


@pytest.mark.parametrize(
    ("url", "primary"),
    [
        ("postgresql://u@h/d?pool_timeout=never", "postgresql://u@h/d"),
        ("sqlite:////srv/copy.sqlite3", "postgresql://u@h/d"),
        ("postgresql://u@h/d", ""),
    ],
)
def test_error_about_replica_names_its_variable(url, primary):
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_REPLICA_URL"):
        parse_replica(url, primary)
