"""CSV reader: UTF-8, column names in the first row, ``;`` between tags."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from timeline.services.imports.rows import (
    COLUMNS,
    REQUIRED_COLUMNS,
    Refusal,
    Row,
    Rows,
    UnreadableFile,
    parse_row,
)


def read_csv(file: BinaryIO) -> Rows:
    """Yield the rows of a CSV file; the header counts as row 1. Raises UnreadableFile for a wrong header."""
    # Decode bytes that are not UTF-8 to lone surrogates, so that only the row with them is refused.
    text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableFile(f"The file's first row is no CSV: {error}.") from error
    _check_header(header)
    number = 1
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refusal(number, f"The row is no CSV: {error}.")
            continue
        if cells:
            yield _parse_row(number, header, cells)


def _check_header(header: list[str]) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in header]
    if missing:
        raise UnreadableFile(f"The file's first row names no column {', '.join(missing)}.")
    unknown = [ascii(name) for name in header if name not in COLUMNS]
    if unknown:
        raise UnreadableFile(
            f"The file has a column {', '.join(unknown)}; known are {', '.join(COLUMNS)}."
        )
    if len(set(header)) < len(header):
        raise UnreadableFile("The file's first row names a column twice.")


def _parse_row(number: int, header: list[str], cells: list[str]) -> Row | Refusal:
    if len(cells) != len(header):
        return Refusal(number, f"The row has {len(cells)} cells, the header {len(header)}.")
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return Refusal(number, "The row is not UTF-8.")
    return parse_row(number, dict(zip(header, cells, strict=True)))
