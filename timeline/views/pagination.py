"""Where a list is cut, as it stands in an address: ``?before=`` or ``?after=`` an instant."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from django.core.exceptions import BadRequest
from django.http import HttpRequest

from timeline.core.exceptions import InvalidInstant
from timeline.core.spans import format_instant, parse_instant_in_window
from timeline.selectors.pagination import Cut, Page

# The parameters that cut a list.
CUTS = ("before", "after")


def cut_of(request: HttpRequest) -> Cut:
    """Read the cut from a request. Raises BadRequest, in a sentence."""
    given = {name: request.GET.getlist(name) for name in CUTS}
    values = [(name, value) for name, texts in given.items() for value in texts]
    if len(values) > 1:
        raise BadRequest("Give one of “before” and “after”, once.")
    try:
        return Cut(**{name: parse_instant_in_window(value) for name, value in values})
    except InvalidInstant as error:
        raise BadRequest(f"“{values[0][0]}” is not a time. {error}") from None


def shown(page: Page, cut: Cut) -> dict[str, object]:
    """Return what a template needs to show a page and to lead on from it.

    The two addresses are queries, empty where nothing follows; ``is_cut`` tells
    an empty page of a list from an empty list.
    """
    return {
        "page": page,
        "earlier_address": _query("before", page.earliest if page.has_earlier else None),
        "later_address": _query("after", page.latest if page.has_later else None),
        "is_cut": cut != Cut(),
    }


def _query(name: str, edge: dt.datetime | None) -> str:
    return "?" + urlencode({name: format_instant(edge)}, safe=":") if edge else ""
