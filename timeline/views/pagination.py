"""Cursors of lists in addresses: ``?before=`` or ``?after=`` a key, usually an instant."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, overload
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from timeline.core.exceptions import InvalidInstant
from timeline.core.spans import format_instant, parse_instant_in_window
from timeline.selectors.pagination import Cursor, Page

Key = TypeVar("Key")

CURSOR_PARAMS = ("before", "after")


@overload
def parse_cursor(request: HttpRequest) -> Cursor[dt.datetime]: ...
@overload
def parse_cursor(
    request: HttpRequest, parse_key: Callable[[str], Key | None], *, params: Sequence[str]
) -> Cursor[Key]: ...
def parse_cursor(
    request: HttpRequest,
    parse_key: Callable[[str], Any] = parse_instant_in_window,
    *,
    params: Sequence[str] = CURSOR_PARAMS,
) -> Cursor[Any]:
    """Return the cursor in a request's query. Raises BadRequest with a sentence for the visitor.

    ``params`` are the parameters that the list takes, ``before``, ``after`` or
    both. ``parse_key`` turns a value into a key, or into None for the first page.
    """
    values = [(name, value) for name in params for value in request.GET.getlist(name)]
    if len(params) == 1:
        values = values[-1:]  # as `request.GET[name]`: the last one counts
    if len(values) > 1:
        raise BadRequest("Give one of “before” and “after”, once.")
    try:
        return Cursor(**{name: parse_key(value) for name, value in values})
    except InvalidInstant as error:
        raise BadRequest(f"“{values[0][0]}” is not a time. {error}") from None


def pagination_context(
    page: Page[Any, Key], cursor: Cursor[Key], format_key: Callable[[Any], str] = format_instant
) -> dict[str, object]:
    """Return what a template needs to show a page and to link to the pages on both sides.

    The two addresses are query strings, "" where no page follows. With
    ``is_first_page`` a template distinguishes an empty list from an empty page.
    """

    def query(name: str, key: Key | None) -> str:
        return "" if key is None else "?" + urlencode({name: format_key(key)}, safe=":")

    return {
        "page": page,
        "earlier_address": query("before", page.before),
        "later_address": query("after", page.after),
        "is_first_page": cursor.is_first_page,
    }
