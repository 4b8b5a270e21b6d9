"""How many processes, threads, connections and open files: the arithmetic, in one place.

- **Processes** (``WEB_PROCESSES``): one a core in production. Python runs one thread of a process at a
  time, so a core more serves more only with a process more. A container's share counts, not the
  machine's cores.
- **Threads** (``WEB_THREADS``, 8 a process): what a process can have begun at once. Threads wait for
  the database and for Redis, a quarter to a half of a page that is not cached; 8 keep the core busy and leave
  room for a slow query or two. More would only wait for each other.
- **Database connections** (``connection_limit`` in ``DATABASE_URL``): a request holds one at most, so a
  process needs as many as it has threads, and by default it gets them (10, or more with more threads).
  With fewer, requests wait ``pool_timeout`` and are then told 503. All processes of all hosts, and a
  worker each, together stay below PostgreSQL's ``max_connections`` (100 by default: ten processes);
  beyond that put a PgBouncer in between, with ``pgbouncer=true``.
- **Client connections** (``client_connections``): those that are kept between requests cost an open file
  and a few kilobytes, no thread. 10,000 a process, or as many as its limit of open files leaves.
- **Memory**: about 80 MiB a process, and 128 MiB while two passwords are being hashed.
"""

from __future__ import annotations

import os
from pathlib import Path

try:
    import resource
except ImportError:  # on Windows
    HAS_RESOURCE_LIMITS = False
else:
    HAS_RESOURCE_LIMITS = True

CLIENT_CONNECTIONS = 10_000
# Of a process's open files: the database's and Redis's connections, logs, static files, modules.
OPEN_FILES_RESERVED = 200
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def count_usable_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Return how many cores this process may use: by its affinity, and by its container's share."""
    can_tell = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if can_tell else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, round(int(quota) / int(period))))


def client_connections(wanted: int = CLIENT_CONNECTIONS) -> int:
    """Return how many connections of clients a process can keep, having raised its limit of open files.

    A process may raise its soft limit up to the hard one; past the limit
    gunicorn's worker would end with "too many open files". Windows has no such limit.
    """
    if not HAS_RESOURCE_LIMITS:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OPEN_FILES_RESERVED
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        soft = needed
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - OPEN_FILES_RESERVED))
