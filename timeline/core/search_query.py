"""What people type into a search: words, "phrases", -without, this OR that, @owner."""

from __future__ import annotations

import re
from dataclasses import dataclass

from accounts.handles import HANDLE_MAX_LENGTH
from timeline.core.exceptions import SearchRefused

MAX_LENGTH = 200
MAX_TERMS = 20
# A phrase may lack its second quotation mark; a minus stands before what is not wanted.
_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True)
class Alternative:
    """Terms that must all be there, and terms of which none may."""

    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """A search as it was understood: one of the alternatives, and perhaps whose."""

    alternatives: tuple[Alternative, ...]
    owner: str = ""

    @property
    def as_websearch(self) -> str:
        """The same for PostgreSQL's ``websearch_to_tsquery``, of which nothing can be misread."""
        return " OR ".join(
            " ".join([*map(_quoted, one.wanted), *("-" + _quoted(term) for term in one.unwanted)])
            for one in self.alternatives
        )

    @property
    def as_fts5(self) -> str:
        """The same for SQLite's FTS5."""
        return " OR ".join(
            "("
            + " NOT ".join([" AND ".join(map(_quoted, one.wanted)), *map(_quoted, one.unwanted)])
            + ")"
            for one in self.alternatives
        )


def understood(text: str) -> Wanted:
    """Read a search. Raises SearchRefused, with what helps, for one that wants nothing or too much."""
    if len(text) > MAX_LENGTH:
        raise SearchRefused(f"A search is at most {MAX_LENGTH} characters long.")
    owner = ""
    alternatives: list[tuple[list[str], list[str]]] = [([], [])]
    for match in _TERM.finditer(text):
        term = match["phrase"] if match["phrase"] is not None else match["word"]
        if match["word"] == "OR" and not match["minus"]:
            alternatives.append(([], []))
        elif match["word"] and term.startswith("@") and not match["minus"]:
            owner = term[1:].lower()[: HANDLE_MAX_LENGTH + 1]
        elif any(character.isalnum() for character in term):
            alternatives[-1][bool(match["minus"])].append(term)
    # “moon OR” is a search for moon.
    stated = [one for one in alternatives if any(one)]
    if not stated:
        raise SearchRefused("Write a word to search for.")
    if not all(wanted for wanted, _ in stated):
        raise SearchRefused("Say also what it should hold: a minus only leaves out.")
    if sum(len(terms) for one in stated for terms in one) > MAX_TERMS:
        raise SearchRefused(f"A search has at most {MAX_TERMS} words.")
    return Wanted(tuple(Alternative(tuple(a), tuple(b)) for a, b in stated), owner)


def _quoted(term: str) -> str:
    return f'"{term}"'
