"""Where a list is cut, as it stands in an address: ``?before=`` or ``?after=`` an instant."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from timeline.errors import InvalidInstant
from timeline.reading import Cut, Page
from timeline.spans import format_instant, parse_instant


def cut_of(request: HttpRequest) -> Cut:
    """Read the cut from a request. Raises BadRequest, in a sentence."""
    given = {name: request.GET.getlist(name) for name in ("before", "after")}
    values = [(name, value) for name, texts in given.items() for value in texts]
    if len(values) > 1:
        raise BadRequest("Give one of “before” and “after”, once.")
    try:
        return Cut(**{name: parse_instant(value) for name, value in values})
    except InvalidInstant as error:
        raise BadRequest(f"“{values[0][0]}” is not a time. {error}") from None


def earlier_address(page: Page) -> str:
    """Return the query that leads to the moments before a page's, or nothing."""
    return _query("before", page) if page.has_earlier and page.moments else ""


def later_address(page: Page) -> str:
    """Return the query that leads to the moments after a page's, or nothing."""
    return _query("after", page) if page.has_later and page.moments else ""


def _query(name: str, page: Page) -> str:
    edge = page.earliest if name == "before" else page.latest
    assert edge is not None
    return "?" + urlencode({name: format_instant(edge)}, safe=":")
