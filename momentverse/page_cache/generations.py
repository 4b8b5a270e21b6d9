"""Tokens of the groups in a file that all processes of this machine map into their memory.

For the embedded default: a command that writes (an import, an erasure) makes
the pages old that a server beside it keeps.
"""

from __future__ import annotations

import mmap
import secrets
from collections.abc import Iterable
from pathlib import Path

from momentverse.page_cache.groups import GENERATIONS

_BYTES = 16


def new_generation() -> str:
    """Return what no group ever had before: an old page cannot come to life again."""
    return secrets.token_hex(_BYTES // 2)


class FileGenerations:
    """One slot of 16 bytes a group, in ``path``."""

    def __init__(self, path: Path) -> None:
        size = _BYTES * len(GENERATIONS)
        with path.open("a+b") as file:
            if file.seek(0, 2) < size:
                file.truncate(size)
            self._slots = mmap.mmap(file.fileno(), size)

    def read(self) -> tuple[str, ...]:
        """Return the groups' tokens."""
        held = bytes(self._slots)
        return tuple(
            held[start : start + _BYTES].decode("latin-1") for start in range(0, len(held), _BYTES)
        )

    def bump(self, names: Iterable[str]) -> None:
        """Give some groups new tokens."""
        for name in names:
            start = _BYTES * GENERATIONS.index(name)
            self._slots[start : start + _BYTES] = new_generation().encode()
