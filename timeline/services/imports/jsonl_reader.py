"""JSON Lines reader: UTF-8, one object a line, with the CSV's column names as keys."""

from __future__ import annotations

import json
from typing import BinaryIO

from timeline.services.imports.rows import COLUMNS, Refusal, Row, Rows, parse_row


def read_jsonl(file: BinaryIO) -> Rows:
    """Yield the rows of a JSON Lines file, numbered by line. Empty lines are skipped."""
    for number, line in enumerate(file, 1):
        if line.strip():
            yield _parse_line(number, line)


def _parse_line(number: int, line: bytes) -> Row | Refusal:
    try:
        cells = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return Refusal(number, "The line is not UTF-8.")
    except (ValueError, RecursionError):
        return Refusal(number, "The line is no JSON.")
    if not isinstance(cells, dict):
        return Refusal(number, "The line is no JSON object.")
    unknown = [ascii(name) for name in cells if name not in COLUMNS]
    if unknown:
        return Refusal(
            number, f"There is a key {', '.join(unknown)}; known are {', '.join(COLUMNS)}."
        )
    return parse_row(number, cells)
