"""The lines of the Procfile, run by a shell as a platform does, stop at SIGTERM."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import ROOT, http_get, site_environment, wait_until

LINES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())


@pytest.fixture
def environment(tmp_path, collected_files):
    shutil.copytree(collected_files, tmp_path / "static")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return site_environment(tmp_path, PATH=path)


def is_served(environment):
    try:
        return http_get(f"http://{environment['BIND']}/health/live/").status == 200
    except OSError:
        return False


def test_it_works(environment, tmp_path):
    """SIGTERM to the shell reaches gunicorn, which exits with 0 and leaves no process behind."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            ["sh", "-c", LINES["web"]], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: is_served(environment), "the site is served", seconds=60)
        process.terminate()
        assert process.wait(timeout=25) == 0
        assert not is_served(environment)
    finally:
        process.kill()


def test_each_line_replaces_its_shell():
    assert LINES.keys() == {"release", "web", "worker"}
    for line in LINES.values():
        *before, last = line.split(" && ")
        assert not before or last.startswith("exec "), (
            "a shell in between would receive the signals"
        )
