"""The file formats that can be imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from timeline.services.imports.csv_reader import read_csv
from timeline.services.imports.ical_reader import read_ical
from timeline.services.imports.jsonl_reader import read_jsonl
from timeline.services.imports.rows import Rows, UnreadableFile

READERS: dict[str, Callable[[BinaryIO], Rows]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "ical": read_ical,
}
_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".ics": "ical", ".ical": "ical"}


def get_reader(path: Path, name: str | None = None) -> Callable[[BinaryIO], Rows]:
    """Return the reader for the format ``name``, or for the file's suffix if no name is given.

    Raises UnreadableFile for an unknown suffix.
    """
    chosen = name or _SUFFIXES.get(path.suffix.lower())
    if chosen is None:
        raise UnreadableFile(
            f"The name ends with none of {', '.join(_SUFFIXES)}; say --format {'|'.join(READERS)}."
        )
    return READERS[chosen]
