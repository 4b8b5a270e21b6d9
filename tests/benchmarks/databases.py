"""The large database that benchmarks use.

An existing database is never used itself. The benchmarks use a copy, which is
migrated first and dropped afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from tests.support.servers import ROOT, SITE_VARIABLES

NAME = "momentverse_bench"


@contextmanager
def large_database(server_url: str, existing_url: str, rows: int) -> Iterator[str]:
    """Yield the URL of a database with many moments: a copy of the existing one, or a new one."""
    url = replace_name(existing_url or server_url, NAME)
    started = time.monotonic()
    if existing_url:
        copy(existing_url, NAME)
    else:
        with connect_to_server(url) as server:
            server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {NAME}")
    try:
        manage(url, "migrate", "-v0")
        if not existing_url:
            manage(url, "generate_moments", str(rows), "--from-year", "1900", "--to-year", "2020")
        with psycopg.connect(remove_own_parameters(url), autocommit=True) as database:
            database.execute("VACUUM ANALYZE")
        sys.stdout.write(f"the large database is ready after {time.monotonic() - started:.0f} s\n")
        yield url
    finally:
        with connect_to_server(url) as server:
            server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


def copy(url: str, name: str) -> None:
    """Copy a database to ``name``, file by file. It must not have any connections meanwhile."""
    source = urlsplit(url).path.lstrip("/")
    sys.stdout.write(f"copying {source} ...\n")
    sys.stdout.flush()
    with connect_to_server(url) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        try:
            server.execute(f'CREATE DATABASE {name} TEMPLATE "{source}" STRATEGY file_copy')
        except psycopg.errors.ObjectInUse as error:
            raise SystemExit(f"{source} cannot be copied while it is in use. {error}") from None


def replace_name(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def connect_to_server(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the maintenance database of the server, ``postgres``."""
    return psycopg.connect(remove_own_parameters(replace_name(url, "postgres")), autocommit=True)


def remove_own_parameters(url: str) -> str:
    """Return a URL without the parameters that only MomentVerse knows."""
    parts = urlsplit(url)
    own_parameters = ("pgbouncer=", "connection_limit=", "pool_timeout=")
    others = [
        item for item in parts.query.split("&") if item and not item.startswith(own_parameters)
    ]
    return parts._replace(query="&".join(others)).geturl()


def manage(url: str, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment | {"DATABASE_URL": url}, check=True)
