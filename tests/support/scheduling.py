"""Decides which test process runs which test, and what runs first.

pytest-xdist's own ``loadgroup`` reads groups from the names of tests, and since pytest 9.2 it no
longer can: it takes each test for one without a group, and says nothing. So the processes write
down their groups, and the scheduler reads them.

What is marked ``slow`` begins first. Otherwise one long test, or one long group, would begin last
and run alone at the end, while the other processes have nothing to do.
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

# The controller's file, whose name each test process gets with its settings.
GROUPS_FILE = "groups_file"


def group_of(item: pytest.Item) -> str:
    """Return the name of a test's group; a test without one is a group of its own.

    What a fixture makes for a whole file would be made once in each process, so it makes a group too.
    """
    if marker := item.get_closest_marker("xdist_group"):
        return f"group {marker.args[0]}"
    definitions = item._fixtureinfo.name2fixturedefs.values()
    if any(found and found[-1].scope == "module" for found in definitions):
        return f"group {item.path}"
    return item.nodeid


class GroupScheduling(LoadScopeScheduling):
    """Gives each process one group after another, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Any, groups_file: Path) -> None:
        # Its own order is by number of tests, which says little of how long they take.
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._groups_file = groups_file
        self._groups: dict[str, str] = {}

    def schedule(self) -> None:
        self._groups = json.loads(self._groups_file.read_text())
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self._groups[nodeid]


class Controller:
    """What the process that runs no tests does."""

    def __init__(self, groups_file: Path) -> None:
        self.groups_file = groups_file

    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[GROUPS_FILE] = str(self.groups_file)

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> GroupScheduling:
        return GroupScheduling(config, log, self.groups_file)

    def pytest_unconfigure(self) -> None:
        self.groups_file.unlink(missing_ok=True)


class TestProcess:
    """What a process that runs tests does."""

    def __init__(self, groups_file: Path) -> None:
        self.groups_file = groups_file

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Iterator[None]:
        """Put slow groups first, then other groups, then single tests; the largest group first."""
        yield
        groups = {item: group_of(item) for item in items}
        sizes = Counter(groups.values())
        slow = {groups[item] for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (groups[item] not in slow, -sizes[groups[item]]))

    # Before xdist tells the controller that everything is collected.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write the groups down: every process has the same, so it does not matter who is last."""
        groups = {item.nodeid: group_of(item) for item in session.items}
        half = self.groups_file.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(groups))
        half.replace(self.groups_file)


def pytest_configure(config: pytest.Config) -> None:
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.pluginmanager.register(TestProcess(Path(worker_input[GROUPS_FILE])))
    elif config.getoption("dist", "no") == "loadgroup":
        descriptor, path = tempfile.mkstemp(prefix="momentverse-test-groups-")
        os.close(descriptor)
        config.pluginmanager.register(Controller(Path(path)))
