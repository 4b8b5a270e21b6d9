"""Databases to measure on: a small and a large one, side by side on one PostgreSQL.

A database that is kept is never measured itself: a copy of it is, brought up to
date and thrown away afterwards.
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
def large_database(server_url: str, kept_url: str, rows: int) -> Iterator[str]:
    """Yield the URL of a database with many moments: a copy of the kept one, else loaded here."""
    url = renamed(kept_url or server_url, NAME)
    started = time.monotonic()
    if kept_url:
        copy(kept_url, NAME)
    else:
        with server_of(url) as server:
            server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {NAME}")
    try:
        manage(url, "migrate", "-v0")
        if not kept_url:
            manage(url, "generate_moments", str(rows), "--from-year", "1900", "--to-year", "2020")
        with psycopg.connect(libpq(url), autocommit=True) as database:
            database.execute("VACUUM ANALYZE")
        sys.stdout.write(f"the large database is ready after {time.monotonic() - started:.0f} s\n")
        yield url
    finally:
        with server_of(url) as server:
            server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


def copy(kept_url: str, name: str) -> None:
    """Copy a database file by file. Nobody may be connected to it meanwhile."""
    kept = urlsplit(kept_url).path.lstrip("/")
    sys.stdout.write(f"copying {kept} ...\n")
    sys.stdout.flush()
    with server_of(kept_url) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        try:
            server.execute(f'CREATE DATABASE {name} TEMPLATE "{kept}" STRATEGY file_copy')
        except psycopg.errors.ObjectInUse as error:
            raise SystemExit(f"{kept} cannot be copied while it is in use. {error}") from None


def renamed(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def server_of(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the server's own database."""
    return psycopg.connect(libpq(renamed(url, "postgres")), autocommit=True)


def libpq(url: str) -> str:
    """Return a URL without the parameters that are MomentVerse's alone."""
    parts = urlsplit(url)
    ours = ("pgbouncer=", "connection_limit=", "pool_timeout=")
    kept = [item for item in parts.query.split("&") if item and not item.startswith(ours)]
    return parts._replace(query="&".join(kept)).geturl()


def manage(url: str, *arguments: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=clean | {"DATABASE_URL": url}, check=True)
