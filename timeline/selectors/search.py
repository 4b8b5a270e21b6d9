"""Full-text search of public moments.

A search takes the newest ``MAX_RANKED`` matches and ranks only these, so that a
page costs the same however many moments match. The next, older matches follow
by key; there is no OFFSET and no count. PostgreSQL and SQLite index the same
words (``db/sql/search.py``), and only those of public moments; the results
still pass ``visible_to``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection, transaction
from django.db.models.expressions import RawSQL
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from timeline.core.exceptions import SearchRefused
from timeline.core.search_query import SearchQuery
from timeline.core.spans import WINDOW_END, WINDOW_START
from timeline.models import Moment
from timeline.models.moment import IS_PUBLIC
from timeline.selectors.moments import attach_tag_names
from timeline.selectors.pagination import split_page

if TYPE_CHECKING:
    from timeline.models.moment import Viewer

PAGE_SIZE = 20
MAX_RANKED = 200
# How many of the newest rows are scanned before the index of words is used.
MAX_SCANNED = 20_000
# Reached only by a search that neither index narrows down.
STATEMENT_TIMEOUT = "2s"
TOO_BROAD_MESSAGE = (
    "There is too much of this to look through. Add a word, or say from when to when."
)
_QUERY_CANCELED = "57014"
# These two enclose the words that match until the text has been escaped. They are private-use
# characters, which have no meaning, and are removed from the text itself beforehand.
_HIT_START, _HIT_END = "\ue000", "\ue001"
_EXCERPT_WORDS = 30

# PostgreSQL's planner knows the frequency of common words only, not of rare ones or of phrases, so
# this statement chooses the plan: scan the newest rows first; if too few of them match, the words
# are rare enough for the index of words. PostgreSQL skips a CTE branch whose condition is already
# false.
NEWEST_MATCHES_SQL = """
    WITH scanned AS MATERIALIZED (
        SELECT moment_id, starts_at, document
        FROM (SELECT moment_id, starts_at, document FROM moment_search
              WHERE starts_at >= %(start)s AND starts_at < %(end)s {owner}
              ORDER BY starts_at DESC LIMIT %(scanned)s) AS newest
        WHERE document @@ websearch_to_tsquery('english', %(words)s)
        ORDER BY starts_at DESC LIMIT %(size)s
    ), matching AS MATERIALIZED (
        SELECT moment_id, starts_at, document FROM moment_search
        WHERE (SELECT count(*) < %(size)s FROM scanned)
          AND document @@ websearch_to_tsquery('english', %(words)s)
          AND starts_at >= %(start)s AND starts_at < %(end)s {owner}
    )
    SELECT moment_id, starts_at, ts_rank(document, websearch_to_tsquery('english', %(words)s))
    FROM (SELECT * FROM scanned WHERE (SELECT count(*) >= %(size)s FROM scanned)
          UNION ALL
          (SELECT * FROM matching ORDER BY starts_at DESC LIMIT %(size)s)) AS newest
    ORDER BY starts_at DESC
"""
OWNER_CONDITION = "AND user_id = (SELECT id FROM accounts_user WHERE handle = %(owner)s)"


@dataclass(frozen=True)
class SearchCursor:
    """Where a page of results begins.

    ``before`` bounds the starts of the matches that are ranked. ``past`` is the
    rank and the start of the last result already shown among them.
    """

    before: dt.datetime = WINDOW_END
    past: tuple[float, dt.datetime] | None = None


@dataclass(frozen=True)
class Hit:
    """A moment, with its title and an excerpt of its story as HTML in which matching words are marked."""

    moment: Moment
    title: SafeString
    excerpt: SafeString


@dataclass(frozen=True)
class SearchResults:
    """A page of results, and the cursor of the next page if there is one."""

    hits: list[Hit]
    next_cursor: SearchCursor | None


@dataclass(frozen=True)
class _Match:
    """A matching moment before its texts are fetched."""

    pk: int
    starts_at: dt.datetime
    rank: float

    @property
    def key(self) -> tuple[float, dt.datetime]:
        return (self.rank, self.starts_at)


def search(
    viewer: Viewer,
    query: SearchQuery,
    start: dt.datetime = WINDOW_START,
    end: dt.datetime = WINDOW_END,
    cursor: SearchCursor = SearchCursor(),
    *,
    size: int = PAGE_SIZE,
) -> SearchResults:
    """Return public moments that match and start in ``[start, end)``, the best of the newest first.

    Raises SearchRefused if the search takes longer than ``STATEMENT_TIMEOUT``.
    """
    matches = _newest_matches(query, start, min(end, cursor.before), MAX_RANKED + 1)
    batch, has_older = split_page(matches, MAX_RANKED)
    batch.sort(key=lambda match: match.key, reverse=True)
    if cursor.past is not None:
        batch = [match for match in batch if match.key < cursor.past]
    page, has_more = split_page(batch, size)
    next_cursor = None
    if has_more:
        next_cursor = SearchCursor(cursor.before, past=page[-1].key)
    elif has_older:
        next_cursor = SearchCursor(before=matches[MAX_RANKED - 1].starts_at)
    return SearchResults(_build_hits(viewer, query, [match.pk for match in page]), next_cursor)


def _newest_matches(
    query: SearchQuery, start: dt.datetime, end: dt.datetime, size: int
) -> list[_Match]:
    """Return the newest matches that start in ``[start, end)``, newest first, each with its rank."""
    if connection.vendor == "sqlite":
        return _newest_matches_sqlite(query, start, end, size)
    parameters: dict[str, str | int | dt.datetime] = {
        "words": query.as_websearch, "owner": query.owner, "start": start, "end": end,
        "size": size, "scanned": MAX_SCANNED,
    }  # fmt: skip
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT])
            cursor.execute(
                NEWEST_MATCHES_SQL.format(owner=OWNER_CONDITION if query.owner else ""), parameters
            )
            return [_Match(*row) for row in cursor.fetchall()]
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _QUERY_CANCELED:
            raise SearchRefused(TOO_BROAD_MESSAGE) from error
        raise


def _newest_matches_sqlite(
    query: SearchQuery, start: dt.datetime, end: dt.datetime, size: int
) -> list[_Match]:
    matching = RawSQL(
        "SELECT rowid FROM moment_search WHERE moment_search MATCH %s", [query.as_fts5]
    )
    moments = Moment.objects.filter(
        IS_PUBLIC, pk__in=matching, starts_at__gte=start, starts_at__lt=end
    )
    if query.owner:
        moments = moments.filter(user__handle=query.owner)
    newest = list(moments.order_by("-starts_at").values_list("pk", "starts_at")[:size])
    # Rank by the column that matches, with PostgreSQL's weights. FTS5's own rank would change with
    # every moment that is added.
    hit = "(instr(highlight(moment_search, {}, %s, ''), %s) > 0)"
    rank = " + ".join(
        f"{weight} * {hit.format(column)}" for column, weight in enumerate((1.0, 0.4, 0.2, 0.1))
    )
    rows = _query_fts5(query, [pk for pk, _ in newest], rank, [_HIT_START] * 8)
    ranks = {pk: float(rank) for pk, rank in rows}
    return [_Match(pk, starts_at, ranks.get(pk, 0.0)) for pk, starts_at in newest]


def _query_fts5(
    query: SearchQuery, ids: list[int], columns: str, parameters: list[str]
) -> list[tuple[Any, ...]]:
    """Select ``columns`` from SQLite's index for those of ``ids`` that match."""
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT rowid, {columns} FROM moment_search"  # noqa: S608  all of it is ours
            f" WHERE moment_search MATCH %s AND rowid IN ({marks})",
            [*parameters, query.as_fts5, *ids],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _build_hits(viewer: Viewer, query: SearchQuery, ids: list[int]) -> list[Hit]:
    """Return the moments in the order of ``ids``, with matching words marked.

    A moment that was hidden since it matched is left out.
    """
    if not ids:
        return []
    moments = (
        Moment.objects.visible_to(viewer).filter(IS_PUBLIC, pk__in=ids).for_cards_with_owners()
    )
    if connection.vendor == "postgresql":
        moments = moments.annotate(
            marked_title=_highlight_in_postgresql("title", query, "HighlightAll=true"),
            marked_story=_highlight_in_postgresql(
                "story", query, f"MaxFragments=2, MinWords=10, MaxWords={_EXCERPT_WORDS}"
            ),
        )
        marked = {moment.pk: (moment.marked_title, moment.marked_story) for moment in moments}
    else:
        marked = _highlight_in_sqlite(query, [moment.pk for moment in moments])
    by_id = {moment.pk: moment for moment in attach_tag_names(list(moments))}
    return [Hit(by_id[pk], *map(_mark_hits, marked[pk])) for pk in ids if pk in marked]


def _highlight_in_postgresql(column: str, query: SearchQuery, options: str) -> RawSQL:
    """Return an expression in which PostgreSQL marks the matching words of a column."""
    return RawSQL(  # noqa: S611  the column is ours
        f"ts_headline('english', translate(moments.{column}, %s, ''),"
        " websearch_to_tsquery('english', %s), %s)",
        [
            _HIT_START + _HIT_END,
            query.as_websearch,
            f'{options}, StartSel="{_HIT_START}", StopSel="{_HIT_END}", FragmentDelimiter=" … "',
        ],
    )


def _highlight_in_sqlite(query: SearchQuery, ids: list[int]) -> dict[int, tuple[str, str]]:
    columns = (
        "highlight(moment_search, 0, %s, %s),"
        f" snippet(moment_search, 3, %s, %s, ' … ', {_EXCERPT_WORDS})"
    )
    rows = _query_fts5(query, ids, columns, [_HIT_START, _HIT_END] * 2)
    return {pk: (title, story) for pk, title, story in rows}


def _mark_hits(text: str) -> SafeString:
    """Escape a text and turn its marks into ``<mark>`` elements. A mark without an end is dropped."""
    pieces = str(escape(text)).split(_HIT_START)
    return mark_safe(pieces[0] + "".join(_mark_pieces(pieces[1:])))  # noqa: S308  escaped above


def _mark_pieces(pieces: Iterable[str]) -> Iterable[str]:
    for piece in pieces:
        hit, end, rest = piece.partition(_HIT_END)
        yield f"<mark>{hit}</mark>{rest}" if end else hit
