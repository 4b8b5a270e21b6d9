"""The generations of the groups when there is no Redis: in a file that all processes map into memory.

So a command that writes (an import, an erasure) invalidates the pages of a server that runs
beside it.
"""

from __future__ import annotations

import mmap
import secrets
from collections.abc import Iterable
from pathlib import Path

from momentverse.page_cache.groups import GENERATIONS

_SLOT_BYTES = 16


def new_generation() -> str:
    """Return a value that no group ever had, so that an old page cannot become valid again."""
    return secrets.token_hex(_SLOT_BYTES // 2)


class FileGenerations:
    """A slot of 16 bytes for each group, in the file at ``path``."""

    def __init__(self, path: Path) -> None:
        size = _SLOT_BYTES * len(GENERATIONS)
        with path.open("a+b") as file:
            if file.seek(0, 2) < size:
                file.truncate(size)
            self._slots = mmap.mmap(file.fileno(), size)

    def read(self) -> tuple[str, ...]:
        """Return the generations of all groups."""
        content = bytes(self._slots)
        return tuple(
            content[start : start + _SLOT_BYTES].decode("latin-1")
            for start in range(0, len(content), _SLOT_BYTES)
        )

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new generations."""
        for name in names:
            start = _SLOT_BYTES * GENERATIONS.index(name)
            self._slots[start : start + _SLOT_BYTES] = new_generation().encode()
