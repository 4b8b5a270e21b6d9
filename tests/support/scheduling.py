"""Decides which test process runs which test, and in which order.

pytest-xdist's own ``loadgroup`` reads the groups from the names of the tests. Since pytest 9.2 this
no longer works: it silently treats each test as one without a group. So the worker processes write
their groups to a file, and the scheduler reads it.

Tests marked ``slow`` start first. Otherwise one long test, or one long group, would start last and
run alone at the end, while the other processes have nothing to do.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# The key under which the controller passes the name of this file to the workers.
GROUPS_FILE = "groups_file"


def get_group(item: pytest.Item) -> str:
    """Return the name of a test's group. A test without a group is a group of its own.

    A file with a fixture of module scope is a group too, because each process would set that up again.
    """
    if marker := item.get_closest_marker("xdist_group"):
        return f"group {marker.args[0]}"
    definitions = item._fixtureinfo.name2fixturedefs.values()
    if any(fixtures and fixtures[-1].scope == "module" for fixtures in definitions):
        return f"group {item.path}"
    return item.nodeid


class GroupScheduling(LoadScopeScheduling):
    """Gives each process one group after another, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Any, groups_file: Path) -> None:
        # xdist would sort groups by their number of tests, which says little about how long they take.
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._groups_file = groups_file
        self._groups: dict[str, str] = {}

    def schedule(self) -> None:
        self._groups = json.loads(self._groups_file.read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups[nodeid]


class ControllerPlugin:
    """Hooks of xdist's controller, the process that runs no tests."""

    def __init__(self, groups_file: Path) -> None:
        self.groups_file = groups_file

    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[GROUPS_FILE] = str(self.groups_file)

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> GroupScheduling:
        return GroupScheduling(config, log, self.groups_file)

    def pytest_unconfigure(self) -> None:
        self.groups_file.unlink(missing_ok=True)


class WorkerPlugin:
    """Hooks of xdist's workers, the processes that run tests."""

    def __init__(self, groups_file: Path) -> None:
        self.groups_file = groups_file

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        """Put slow groups first. Among slow groups and among others, larger ones come first."""
        yield
        groups = {item: get_group(item) for item in items}
        sizes = Counter(groups.values())
        slow = {groups[item] for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (groups[item] not in slow, -sizes[groups[item]]))

    # First, because xdist's own hook tells the controller that everything is collected.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write the groups to the file. Every worker has the same ones, so the last to write may win.

        Raises UsageError if two tests have the same id, because xdist would run only one of them.
        """
        groups = {item.nodeid: get_group(item) for item in session.items}
        if len(groups) < len(session.items):
            numbers = Counter(item.nodeid for item in session.items)
            raise pytest.UsageError(f"several tests have the id {numbers.most_common(1)[0][0]}")
        temporary = self.groups_file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(groups))
        temporary.replace(self.groups_file)


def pytest_configure(config: pytest.Config) -> None:
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.pluginmanager.register(WorkerPlugin(Path(worker_input[GROUPS_FILE])))
    elif config.getoption("dist", "no") == "loadgroup":
        descriptor, path = tempfile.mkstemp(prefix="momentverse-test-groups-")
        os.close(descriptor)
        config.pluginmanager.register(ControllerPlugin(Path(path)))
