"""Parse search queries: words, "phrases", -excluded, alternatives with OR, @owner."""

from __future__ import annotations

import re
from dataclasses import dataclass

from accounts.handles import HANDLE_MAX_LENGTH
from timeline.core.exceptions import SearchRefused

MAX_LENGTH = 200
MAX_TERMS = 20
# The closing quotation mark of a phrase is optional. A minus excludes the term after it.
_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True)
class Alternative:
    """Terms that a moment must all contain, and terms that it must not contain."""

    required: tuple[str, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True)
class SearchQuery:
    """A parsed search. A moment matches one of the alternatives and, if ``owner`` is set, is theirs."""

    alternatives: tuple[Alternative, ...]
    owner: str = ""

    @property
    def as_websearch(self) -> str:
        """The query for PostgreSQL's ``websearch_to_tsquery``, with every term quoted."""
        return " OR ".join(
            " ".join([*map(_quote, one.required), *("-" + _quote(term) for term in one.excluded)])
            for one in self.alternatives
        )

    @property
    def as_fts5(self) -> str:
        """The query for SQLite's FTS5, with every term quoted."""
        return " OR ".join(
            "("
            + " NOT ".join([" AND ".join(map(_quote, one.required)), *map(_quote, one.excluded)])
            + ")"
            for one in self.alternatives
        )


def parse(text: str) -> SearchQuery:
    """Parse a search. Raises SearchRefused, with a hint, if it has nothing to look for or is too long."""
    if len(text) > MAX_LENGTH:
        raise SearchRefused(f"A search is at most {MAX_LENGTH} characters long.")
    owner = ""
    # The required and the excluded terms of each alternative.
    alternatives: list[tuple[list[str], list[str]]] = [([], [])]
    for match in _TERM.finditer(text):
        term = match["phrase"] if match["phrase"] is not None else match["word"]
        if match["word"] == "OR" and not match["minus"]:
            alternatives.append(([], []))
        elif match["word"] and term.startswith("@") and not match["minus"]:
            # One character too many stays: a handle that is too long must match nobody.
            owner = term[1:].lower()[: HANDLE_MAX_LENGTH + 1]
        elif any(character.isalnum() for character in term):
            alternatives[-1][bool(match["minus"])].append(term)
    # “moon OR” is a search for moon.
    filled = [one for one in alternatives if any(one)]
    if not filled:
        raise SearchRefused("Write a word to search for.")
    if not all(required for required, _ in filled):
        raise SearchRefused("Say also what it should hold: a minus only leaves out.")
    if sum(len(terms) for one in filled for terms in one) > MAX_TERMS:
        raise SearchRefused(f"A search has at most {MAX_TERMS} words.")
    return SearchQuery(
        tuple(Alternative(tuple(required), tuple(excluded)) for required, excluded in filled), owner
    )


def _quote(term: str) -> str:
    """Quote a term. It cannot contain a quotation mark: ``_TERM`` splits there."""
    return f'"{term}"'
