"""``python -m tests [pytest arguments]``: everything on PostgreSQL and Redis, then the embedded default.

The second run is what touches the database or the cache, on SQLite (a file)
and the cache in the process.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import database_and_cache


def run(title: str, environment: dict[str, str], arguments: list[str]) -> int:
    print(f"== {title}", flush=True)
    clean = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
    }
    command = [sys.executable, "-m", "pytest", *arguments]
    code = subprocess.run(command, env=clean | environment, check=False).returncode
    # 5: nothing was selected, which is right when a path holds nothing for the embedded default.
    return 0 if code == 5 else code


def main() -> int:
    arguments = sys.argv[1:]
    with database_and_cache() as urls:
        first = run("PostgreSQL and Redis", urls, arguments)
    second = run("SQLite and the cache in the process", {"TEST_ONLY_EMBEDDED": "1"}, arguments)
    return first or second


if __name__ == "__main__":
    sys.exit(main())
