"""``python -m tests [pytest arguments]``: run the tests with both kinds of database and cache.

First all tests on PostgreSQL and Redis. Then those that use the database or the
cache once more, on SQLite (in a file) and with the cache in the process.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.servers import database_and_cache

# Use one process more than there are cores, because some test is always waiting for a server or for time to
# pass. `loadgroup` keeps tests on one process if they share a site, a browser, or servers that they stop.
XDIST_OPTIONS = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadgroup"]
# If this were set, each of many processes would compile every test and the whole site again.
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
NO_TESTS_COLLECTED = 5  # pytest's exit code


def run(title: str, environment: dict[str, str], arguments: list[str]) -> int:
    print(f"== {title}", flush=True)
    removed = ("DATABASE_URL", "REDIS_URL", NO_BYTECODE)
    inherited = {name: value for name, value in os.environ.items() if name not in removed}
    command = [sys.executable, "-m", "pytest", *XDIST_OPTIONS, *arguments]
    code = subprocess.run(
        command, env=inherited | environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
    # This is no failure: a path may have no tests for the embedded run.
    return 0 if code == NO_TESTS_COLLECTED else code


def main() -> int:
    arguments = sys.argv[1:]
    with database_and_cache() as urls:
        first = run("PostgreSQL and Redis", urls, arguments)
    second = run("SQLite and the cache in the process", {"TEST_ONLY_EMBEDDED": "1"}, arguments)
    return first or second


if __name__ == "__main__":
    sys.exit(main())
