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
# Documents that are not in the repository. The brackets keep this line from matching itself.
OUTSIDE_DOCUMENTS = re.compile(r"EDGE[_]CASES|FAULTS[.]md|FAULTS [\d]|QUALITY[.]md|HOUSE[.]md")
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".html",
    ".txt",
    ".css",
    ".js",
    ".mjs",
    ".toml",
    ".json",
    ".csv",
    ".yaml",
}
SKIPPED_FOLDERS = {".git", ".venv", ".data", "node_modules", "__pycache__", ".hypothesis"}

Case = tuple[str, int]


def list_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without installed and generated ones."""
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        yield from (Path(path, name) for name in names)


def list_test_files() -> Iterator[Path]:
    """Yield the Python files of the tests, except this one, whose examples are no references."""
    return (
        path
        for path in list_files(TESTS)
        if path.suffix == ".py" and path != Path(__file__).resolve()
    )


def read_entries() -> dict[Case, str]:
    """Return the text of every entry in ``CASES.md``."""
    entries = ENTRY.findall((TESTS / "CASES.md").read_text())
    return {(kind.lower(), int(number)): text for kind, number, text in entries}


def find_references() -> dict[Case, set[str]]:
    """Return the base names of the test files that refer to each case."""
    files: dict[Case, set[str]] = defaultdict(set)
    for path in list_test_files():
        for kind, number in REFERENCE.findall(path.read_text()):
            files[kind.lower(), int(number)].add(path.name)
    return files


def test_every_reference_has_an_entry():
    assert set(find_references()) <= set(read_entries())


def test_numbers_are_consecutive():
    headings = ENTRY.findall((TESTS / "CASES.md").read_text())
    for kind in ("Edge case", "Fault"):
        numbers = [int(number) for entry_kind, number, _ in headings if entry_kind == kind]
        assert numbers == list(range(1, len(numbers) + 1))


def test_every_entry_names_the_tests_that_refer_to_it():
    named = {
        case: set(re.findall(r"`(test_\w+\.py)`", text)) for case, text in read_entries().items()
    }
    references = find_references()
    wrong = {
        f"{kind} {number}": sorted(references[kind, number])
        for (kind, number), files in named.items()
        if files != references[kind, number]
    }
    assert wrong == {}, "write these files into the entries of tests/CASES.md"


@pytest.mark.parametrize(
    "case", read_entries().items(), ids=lambda case: " ".join(map(str, case[0]))
)
def test_every_entry_names_tests_or_what_it_waits_for(case):
    assert re.search(r"^(Tests: `test_|Not yet (built|tested): waits for )", case[1], re.MULTILINE)


def test_references_are_singular():
    """A search for ``edge case 6`` finds ``edge case 5, edge case 6``, but not a plural with two numbers."""
    plural_files = [path.name for path in list_test_files() if PLURAL.search(path.read_text())]
    assert plural_files == []


def test_no_file_refers_to_a_document_outside_the_repository():
    files = [
        str(path.relative_to(ROOT))
        for path in list_files(ROOT)
        if path.suffix in TEXT_SUFFIXES or path.name in {"Makefile", "Procfile", "run"}
        if OUTSIDE_DOCUMENTS.search(path.read_text(errors="replace"))
    ]
    assert files == []
