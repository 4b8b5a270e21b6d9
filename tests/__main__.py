"""``python -m tests [pytest arguments]``: everything, on both kinds of servers.

First on PostgreSQL and Redis; then what touches the database or the cache
again, on SQLite (a file) and the cache in the process.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.servers import database_and_cache

# One process more than there are cores: some test always waits for a server or for a time to pass.
# What shares a site, a browser or servers to be stopped stays on one process.
IN_PARALLEL = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadgroup"]
# With it, each of many processes would compile every test and the whole site anew.
COMPILES_ANEW = "PYTHONDONTWRITEBYTECODE"
NOTHING_SELECTED = 5


def run(title: str, environment: dict[str, str], arguments: list[str]) -> int:
    print(f"== {title}", flush=True)
    ours = ("DATABASE_URL", "REDIS_URL", COMPILES_ANEW)
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    command = [sys.executable, "-m", "pytest", *IN_PARALLEL, *arguments]
    code = subprocess.run(
        command, env=clean | environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
    # Right when a path holds nothing for the embedded default.
    return 0 if code == NOTHING_SELECTED else code


def main() -> int:
    arguments = sys.argv[1:]
    with database_and_cache() as urls:
        first = run("PostgreSQL and Redis", urls, arguments)
    second = run("SQLite and the cache in the process", {"TEST_ONLY_EMBEDDED": "1"}, arguments)
    return first or second


if __name__ == "__main__":
    sys.exit(main())
