"""Parse and validate the API's query parameters.

Unknown parameters are ignored, because links often carry some for other purposes.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from timeline.core.exceptions import InvalidInstant
from timeline.core.spans import SECOND, WINDOW_END, parse_instant_in_window
from timeline.views.api.fields import FIELDS, LIST_FIELDS

PARAMETERS = ("start", "end", "cursor", "limit", "fields")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
# Three times the length of all parameters at their longest, percent-encoded.
MAX_QUERY_LENGTH = 2000

_LIMIT = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True)
class TimelineQuery:
    """The parameters of ``/api/timeline``."""

    start: dt.datetime | None
    end: dt.datetime | None
    cursor: dt.datetime | None
    limit: int
    fields: tuple[str, ...]


def parse_timeline_query(request: HttpRequest) -> TimelineQuery:
    """Parse the query of ``/api/timeline``. Raises BadRequest with a sentence for people."""
    if len(request.META.get("QUERY_STRING", "")) > MAX_QUERY_LENGTH:
        raise BadRequest(f"The query is longer than {MAX_QUERY_LENGTH} characters.")
    start, end = _parse_instant(request, "start"), _parse_instant(request, "end")
    if start is not None and end is not None and start >= end:
        raise BadRequest("“start” has to be before “end”.")
    return TimelineQuery(
        start, end, _parse_instant(request, "cursor"), _parse_limit(request), _parse_fields(request)
    )


def parse_at(request: HttpRequest) -> dt.datetime:
    """Parse ``at``, an instant in the requested hour or tile. Raises BadRequest."""
    at = _parse_instant(request, "at")
    if at is None:
        raise BadRequest("Say “at” which time, such as 1969-07-20T20:17:40Z.")
    return min(at, WINDOW_END - SECOND)


def _get_single(request: HttpRequest, name: str) -> str | None:
    texts = request.GET.getlist(name)
    if len(texts) > 1:
        raise BadRequest(f"Give “{name}” once.")
    return texts[0] if texts else None


def _parse_instant(request: HttpRequest, name: str) -> dt.datetime | None:
    text = _get_single(request, name)
    if text is None:
        return None
    try:
        return parse_instant_in_window(text)
    except InvalidInstant as error:
        raise BadRequest(f"“{name}” is not a time of the timeline. {error}") from None


def _parse_limit(request: HttpRequest) -> int:
    text = _get_single(request, "limit")
    if text is None:
        return DEFAULT_LIMIT
    # Check the pattern first: int() would parse a million digits before the limit is checked.
    if not _LIMIT.fullmatch(text) or int(text) > MAX_LIMIT:
        raise BadRequest(f"“limit” is a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _parse_fields(request: HttpRequest) -> tuple[str, ...]:
    text = _get_single(request, "fields")
    if text is None:
        return LIST_FIELDS
    names = tuple(text.split(","))
    if not FIELDS.keys() >= set(names) or len(set(names)) < len(names):
        raise BadRequest(
            f"“fields” takes names with commas between them, each once, of: {', '.join(FIELDS)}."
        )
    return names
