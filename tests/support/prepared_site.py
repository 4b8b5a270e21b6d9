"""The data folder of a new site, made once per test run and then copied."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.database_servers import manage


@pytest.fixture(scope="session")
def _prepared_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, which all test processes share: it takes ten seconds of processor time to make."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "prepared-site"
    with (shared / "prepared-site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = shared / "unfinished-site"
            unfinished.mkdir()
            manage("", unfinished, "bootstrap", "--without-moments", MOMENTVERSE_MODE="embedded")
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def copy_prepared_site(_prepared_site: Path) -> Callable[[Path], None]:
    """Return a function that gives a site's folder an empty SQLite database and the static files."""

    def copy(folder: Path) -> None:
        shutil.copytree(_prepared_site, folder, dirs_exist_ok=True)

    return copy


@pytest.fixture(scope="session")
def collected_files(_prepared_site: Path) -> Path:
    """The folder that ``collectstatic`` makes, for tests that copy it."""
    return _prepared_site / "static"
