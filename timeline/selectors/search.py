"""Finding public moments by their words.

The newest matches are taken, at most ``RANKED`` at a time, and these ranked:
however many there are, so many are looked at for a page. Older ones follow by a
key, never by OFFSET, and nothing is counted. PostgreSQL and SQLite index the same
words (``search_rules.py``), only those of public moments; what is found goes
through ``visible_to`` all the same.
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
from timeline.selectors import moments as reading
from timeline.selectors.pagination import split_page

if TYPE_CHECKING:
    from timeline.models.moment import Viewer

PAGE_SIZE = 20
MAX_RANKED = 200
# So many of the newest are looked through before an index of words is asked.
MAX_WALKED = 20_000
# Only a search that the indexes cannot narrow gets there.
STATEMENT_TIMEOUT = "2s"
TOO_BROAD_MESSAGE = (
    "There is too much of this to look through. Add a word, or say from when to when."
)
_QUERY_CANCELED = "57014"
# What a hit is enclosed in until the text has been escaped: characters for private use, which
# stand for nothing and are taken out of the text before.
_HIT_START, _HIT_END = "\ue000", "\ue001"
_EXCERPT_WORDS = 30

# The planner knows how often common words are, not rare ones, nor which stand together. So it is told:
# first look through the newest; if too few match, the words are rare enough for their own index.
# A part whose condition is a number known beforehand is not begun at all.
NEWEST_MATCHES_SQL = """
    WITH walked AS MATERIALIZED (
        SELECT moment_id, starts_at, document
        FROM (SELECT moment_id, starts_at, document FROM moment_search
              WHERE starts_at >= %(start)s AND starts_at < %(end)s {whose}
              ORDER BY starts_at DESC LIMIT %(walked)s) AS newest
        WHERE document @@ websearch_to_tsquery('english', %(words)s)
        ORDER BY starts_at DESC LIMIT %(size)s
    ), matching AS MATERIALIZED (
        SELECT moment_id, starts_at, document FROM moment_search
        WHERE (SELECT count(*) < %(size)s FROM walked)
          AND document @@ websearch_to_tsquery('english', %(words)s)
          AND starts_at >= %(start)s AND starts_at < %(end)s {whose}
    )
    SELECT moment_id, starts_at, ts_rank(document, websearch_to_tsquery('english', %(words)s))
    FROM (SELECT * FROM walked WHERE (SELECT count(*) >= %(size)s FROM walked)
          UNION ALL
          (SELECT * FROM matching ORDER BY starts_at DESC LIMIT %(size)s)) AS newest
    ORDER BY starts_at DESC
"""
OWNER_CONDITION = "AND user_id = (SELECT id FROM accounts_user WHERE handle = %(owner)s)"


@dataclass(frozen=True)
class SearchCursor:
    """How far a reader has come: what begins before ``before``, beyond a rank and a start."""

    before: dt.datetime = WINDOW_END
    rank: float | None = None
    at: dt.datetime | None = None


@dataclass(frozen=True)
class Hit:
    """A moment, and its title and a piece of its story with the hits marked, as HTML."""

    moment: Moment
    title: SafeString
    excerpt: SafeString


@dataclass(frozen=True)
class SearchResults:
    """What was found, and where to go on, if there is more."""

    found: list[Hit]
    further: SearchCursor | None


@dataclass(frozen=True)
class _Match:
    pk: int
    starts_at: dt.datetime
    rank: float

    @property
    def key(self) -> tuple[float, dt.datetime]:
        return (self.rank, self.starts_at)


def search(
    viewer: Viewer,
    wanted: SearchQuery,
    start: dt.datetime = WINDOW_START,
    end: dt.datetime = WINDOW_END,
    place: SearchCursor = SearchCursor(),
    *,
    size: int = PAGE_SIZE,
) -> SearchResults:
    """Return public moments that match and start in ``[start, end)``, the best of the newest first.

    Raises SearchRefused when it takes too long.
    """
    matches = _newest_matches(wanted, start, min(end, place.before), MAX_RANKED + 1)
    batch, has_older = split_page(matches, MAX_RANKED)
    batch.sort(key=lambda match: match.key, reverse=True)
    if place.rank is not None and place.at is not None:
        batch = [match for match in batch if match.key < (place.rank, place.at)]
    page, has_more = split_page(batch, size)
    further = None
    if has_more:
        further = SearchCursor(place.before, page[-1].rank, page[-1].starts_at)
    elif has_older:
        further = SearchCursor(before=matches[MAX_RANKED - 1].starts_at)
    return SearchResults(_build_hits(viewer, wanted, [match.pk for match in page]), further)


def _newest_matches(
    wanted: SearchQuery, start: dt.datetime, end: dt.datetime, size: int
) -> list[_Match]:
    """Return the newest matches that start in ``[start, end)``, newest first, each with its rank."""
    if connection.vendor == "sqlite":
        return _newest_matches_sqlite(wanted, start, end, size)
    asked: dict[str, Any] = {
        "words": wanted.as_websearch, "owner": wanted.owner, "start": start, "end": end,
        "size": size, "walked": MAX_WALKED,
    }  # fmt: skip
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [STATEMENT_TIMEOUT])
            cursor.execute(
                NEWEST_MATCHES_SQL.format(whose=OWNER_CONDITION if wanted.owner else ""), asked
            )
            return [_Match(*row) for row in cursor.fetchall()]
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) == _QUERY_CANCELED:
            raise SearchRefused(TOO_BROAD_MESSAGE) from error
        raise


def _newest_matches_sqlite(
    wanted: SearchQuery, start: dt.datetime, end: dt.datetime, size: int
) -> list[_Match]:
    text = wanted.as_fts5
    found = RawSQL("SELECT rowid FROM moment_search WHERE moment_search MATCH %s", [text])
    moments = Moment.objects.filter(
        IS_PUBLIC, pk__in=found, starts_at__gte=start, starts_at__lt=end
    )
    if wanted.owner:
        moments = moments.filter(user__handle=wanted.owner)
    newest = list(moments.order_by("-starts_at").values_list("pk", "starts_at")[:size])
    # By where it matches, weighed like PostgreSQL's; FTS5's own rank changes with every moment.
    hit = "(instr(highlight(moment_search, {}, %s, ''), %s) > 0)"
    rank = " + ".join(
        f"{weight} * {hit.format(column)}" for column, weight in enumerate((1.0, 0.4, 0.2, 0.1))
    )
    rows = _query_fts5(wanted, [pk for pk, _ in newest], rank, [_HIT_START] * 8)
    ranks = {pk: float(rank) for pk, rank in rows}
    return [_Match(pk, starts_at, ranks.get(pk, 0.0)) for pk, starts_at in newest]


def _query_fts5(
    wanted: SearchQuery, ids: list[int], columns: str, parameters: list[str]
) -> list[tuple[Any, ...]]:
    """Ask SQLite's index for something about rows that match, by their ids."""
    marks = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT rowid, {columns} FROM moment_search"  # noqa: S608  all of it is ours
            f" WHERE moment_search MATCH %s AND rowid IN ({marks})",
            [*parameters, wanted.as_fts5, *ids],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _build_hits(viewer: Viewer, wanted: SearchQuery, ids: list[int]) -> list[Hit]:
    """Return moments in the order of their ids, with their hits marked."""
    if not ids:
        return []
    moments = (
        Moment.objects.visible_to(viewer).filter(IS_PUBLIC, pk__in=ids).for_cards_with_owners()
    )
    if connection.vendor == "postgresql":
        moments = moments.annotate(
            marked_title=_highlight_in_postgresql("title", wanted, "HighlightAll=true"),
            marked_story=_highlight_in_postgresql(
                "story", wanted, f"MaxFragments=2, MinWords=10, MaxWords={_EXCERPT_WORDS}"
            ),
        )
        marked = {one.pk: (one.marked_title, one.marked_story) for one in moments}
    else:
        marked = _highlight_in_sqlite(wanted, [one.pk for one in moments])
    by_id = {moment.pk: moment for moment in reading.attach_tag_names(list(moments))}
    # What was hidden since it was matched is left out.
    return [Hit(by_id[pk], *map(_mark_hits, marked[pk])) for pk in ids if pk in marked]


def _highlight_in_postgresql(column: str, wanted: SearchQuery, options: str) -> RawSQL:
    """Return PostgreSQL's own marking of a text, between the two characters for private use."""
    return RawSQL(  # noqa: S611  the column is ours
        f"ts_headline('english', translate(moments.{column}, %s, ''),"
        " websearch_to_tsquery('english', %s), %s)",
        [
            _HIT_START + _HIT_END,
            wanted.as_websearch,
            f'{options}, StartSel="{_HIT_START}", StopSel="{_HIT_END}", FragmentDelimiter=" … "',
        ],
    )


def _highlight_in_sqlite(wanted: SearchQuery, ids: list[int]) -> dict[int, tuple[str, str]]:
    columns = (
        "highlight(moment_search, 0, %s, %s),"
        f" snippet(moment_search, 3, %s, %s, ' … ', {_EXCERPT_WORDS})"
    )
    rows = _query_fts5(wanted, ids, columns, [_HIT_START, _HIT_END] * 2)
    return {pk: (title, story) for pk, title, story in rows}


def _mark_hits(text: str) -> SafeString:
    """Escape a text whose hits are enclosed, then mark them; a mark without its end is none."""
    pieces = str(escape(text)).split(_HIT_START)
    return mark_safe(pieces[0] + "".join(_mark_pieces(pieces[1:])))  # noqa: S308  escaped above


def _mark_pieces(pieces: Iterable[str]) -> Iterable[str]:
    for piece in pieces:
        hit, stop, rest = piece.partition(_HIT_END)
        yield f"<mark>{hit}</mark>{rest}" if stop else hit
