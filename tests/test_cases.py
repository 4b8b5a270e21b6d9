"""References from tests to the numbered cases in ``CASES.md``."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
# An entry's heading, its text, and the line that names its tests.
ENTRY = re.compile(r"^### (Edge case|Fault) (\d+): (.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
REFERENCE = re.compile(r"\b(edge case|fault) (\d+)\b", re.IGNORECASE)
PLURAL = re.compile(r"\b(edge cases|faults) \d", re.IGNORECASE)
# Documents that a reader of the repository does not have, written so that this line is no mention.
OUTSIDE = re.compile(r"EDGE[_]CASES|FAULTS[.]md|FAULTS [\d]|QUALITY[.]md|HOUSE[.]md")
TEXTS = {".py", ".md", ".html", ".txt", ".css", ".js", ".mjs", ".toml", ".json", ".csv", ".yaml"}
NOT_OURS = {".git", ".venv", ".data", "node_modules", "__pycache__", ".hypothesis"}

Case = tuple[str, int]


def our_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without what is installed or generated there."""
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        yield from (Path(path, name) for name in names)


def python_files() -> Iterator[Path]:
    """Yield the Python files of the tests but this one, whose examples are no references."""
    return (
        path
        for path in our_files(TESTS)
        if path.suffix == ".py" and path != Path(__file__).resolve()
    )


def entries() -> dict[Case, str]:
    """Return the text of every entry in ``CASES.md``."""
    found = ENTRY.findall((TESTS / "CASES.md").read_text())
    return {(kind.lower(), int(number)): text for kind, number, text in found}


def references() -> dict[Case, set[str]]:
    """Return the base names of the test files that refer to each case."""
    files: dict[Case, set[str]] = defaultdict(set)
    for path in python_files():
        for kind, number in REFERENCE.findall(path.read_text()):
            files[kind.lower(), int(number)].add(path.name)
    return files


def test_every_reference_has_an_entry():
    assert set(references()) <= set(entries())


def test_numbers_are_consecutive():
    headings = ENTRY.findall((TESTS / "CASES.md").read_text())
    for kind in ("Edge case", "Fault"):
        numbers = [int(number) for found, number, _ in headings if found == kind]
        assert numbers == list(range(1, len(numbers) + 1))


def test_every_entry_names_the_tests_that_refer_to_it():
    named = {case: set(re.findall(r"`(test_\w+\.py)`", text)) for case, text in entries().items()}
    referring = references()
    wrong = {
        f"{kind} {number}": sorted(referring[kind, number])
        for (kind, number), files in named.items()
        if files != referring[kind, number]
    }
    assert wrong == {}, "write these files into the entries of tests/CASES.md"


@pytest.mark.parametrize("case", entries().items(), ids=lambda case: " ".join(map(str, case[0])))
def test_every_entry_is_tested_or_says_what_it_waits_for(case):
    assert re.search(r"^(Tests: `test_|Not yet (built|tested): waits for )", case[1], re.MULTILINE)


def test_each_number_is_written_out():
    """``edge case 5, edge case 6`` is found by a search for either number; a plural form is not."""
    plural = [path.name for path in python_files() if PLURAL.search(path.read_text())]
    assert plural == []


def test_no_file_refers_to_a_document_outside_the_repository():
    referring = [
        str(path.relative_to(ROOT))
        for path in our_files(ROOT)
        if path.suffix in TEXTS or path.name in {"Makefile", "Procfile", "run"}
        if OUTSIDE.search(path.read_text(errors="replace"))
    ]
    assert referring == []
