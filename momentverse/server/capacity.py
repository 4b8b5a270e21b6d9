"""How many processes, threads, connections and open files a server needs: the arithmetic, in one place.

- **Processes** (``WEB_PROCESSES``): one per core in production. Python runs one thread of a process at a
  time, so a process uses one core at most. In a container its CPU quota counts, not the machine's cores.
- **Threads** (``WEB_THREADS``, 8 per process): how many requests a process handles at once. A thread waits
  for the database and Redis during a quarter to a half of an uncached page. 8 keep the core busy and leave
  room for a slow query or two; more would only wait for each other.
- **Database connections** (``connection_limit`` in ``DATABASE_URL``): a request uses one at most, so a
  process needs as many as it has threads, and gets them by default (10, or more with more threads).
  With fewer, requests wait for ``pool_timeout`` and then get a 503. All processes on all hosts, plus one
  worker each, must stay below PostgreSQL's ``max_connections`` (100 by default: ten processes). For
  more, put a PgBouncer in between, with ``pgbouncer=true``.
- **Client connections** (``reserve_client_connections``): an idle one costs an open file and a few
  kilobytes, but no thread. 10,000 per process, or as many as its limit of open files allows.
- **Memory**: about 80 MiB per process, and 128 MiB while two passwords are being hashed.
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
# Open files that are not client connections: database, Redis, logs, static files, modules.
OPEN_FILES_RESERVED = 200
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def count_usable_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Return how many cores this process may use, by its CPU affinity and its container's CPU quota."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        quota, period = quota_file.read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, round(int(quota) / int(period))))


def reserve_client_connections(wanted: int = CLIENT_CONNECTIONS) -> int:
    """Raise the limit of open files, and return how many client connections this process can hold.

    A process may raise its soft limit up to the hard one. Above the limit, gunicorn's worker would
    fail with "too many open files". Windows has no such limit.
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
