"""How many cores and connections a process uses."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from momentverse.server.capacity import OPEN_FILES_RESERVED, count_usable_cores
from tests.support.servers import ROOT

ALL_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def test_it_works(tmp_path):
    assert count_usable_cores(tmp_path / "no-such-file") == ALL_CORES


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", ALL_CORES),
        ("100000 100000", 1),
        ("20000 100000", 1),  # a fifth of a core still runs one process
        ("6400000 100000", ALL_CORES),
        ("nonsense", ALL_CORES),
        ("", ALL_CORES),
    ],
)
def test_quota_of_container_counts(tmp_path, quota, cores):
    path = tmp_path / "cpu.max"
    path.write_text(f"{quota}\n")
    assert count_usable_cores(path) == cores


def get_connections(soft, hard):
    """Return how many connections a process with these limits of open files allows, and its limit then."""
    script = (
        "import resource; from momentverse.server.capacity import reserve_client_connections;"
        "print(reserve_client_connections(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    return map(
        int,
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split(),
    )


def test_soft_limit_of_open_files_is_raised():
    wanted, limit = get_connections(256, 2048)
    assert (wanted, limit) == (2048 - OPEN_FILES_RESERVED, 2048)


def test_hard_limit_of_open_files_is_respected():
    wanted, limit = get_connections(300, 300)
    assert (wanted, limit) == (300 - OPEN_FILES_RESERVED, 300)


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 10_200, reason="fewer open files are allowed"
)
def test_default_is_ten_thousand_if_allowed():
    wanted, limit = get_connections(1024, 10_200)
    assert (wanted, limit) == (10_000, 10_200)
