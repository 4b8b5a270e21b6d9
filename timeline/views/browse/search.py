"""Searching public moments: by words, by whose they are, by a span of time."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from timeline.core.exceptions import InvalidInstant, SearchRefused
from timeline.core.search_query import parse
from timeline.core.spans import WINDOW_END, format_instant, parse_instant_in_window
from timeline.selectors import search as searching
from timeline.selectors.search import SearchCursor, SearchResults
from timeline.views.browse.forms import SearchForm


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show the form, and what was found. Not kept by any cache: there are as many pages as words."""
    # Only what was asked for: a link may leave out what is empty.
    form = SearchForm(request.GET if "q" in request.GET else None)
    place = _parse_cursor(request)
    context: dict[str, object] = {"form": form, "is_further": place != SearchCursor()}
    status = 200
    if form.is_bound:
        try:
            results = _run_search(request, form, place)
        except ValidationError as error:
            form.add_validation_error(error)
            results = None
        status = 200 if results else 400
        if results:
            context |= {"results": results, "further": _next_address(request, results.further)}
    return render(request, "timeline/search.html", context, status=status)


def _run_search(
    request: HttpRequest, form: SearchForm, place: SearchCursor
) -> SearchResults | None:
    """Return what was found, None for a form that is wrong. Raises ValidationError, too."""
    if not form.is_valid():
        return None
    asked = form.cleaned_data
    if asked["since"] >= asked["until"]:
        raise ValidationError({"until": "It ends before it begins."})
    try:
        wanted = parse(asked["q"])
        return searching.search(request.user, wanted, asked["since"], asked["until"], place)
    except SearchRefused as error:
        raise ValidationError({"q": str(error)}) from error


def _parse_cursor(request: HttpRequest) -> SearchCursor:
    """Read how far the reader has come. Raises BadRequest."""
    before, past = request.GET.get("before"), request.GET.get("past")
    try:
        start = parse_instant_in_window(before) if before else WINDOW_END
        if not past:
            return SearchCursor(start)
        rank, _, at = past.partition("~")
        return SearchCursor(start, float(rank), parse_instant_in_window(at))
    except (InvalidInstant, ValueError):
        raise BadRequest("This is no place in a list of results.") from None


def _next_address(request: HttpRequest, further: SearchCursor | None) -> str:
    """Return the query that leads on, empty when there is nothing more."""
    if further is None:
        return ""
    query = {name: request.GET[name] for name in ("q", "since", "until") if request.GET.get(name)}
    if further.before != WINDOW_END:
        query["before"] = format_instant(further.before)
    if further.rank is not None and further.at is not None:
        query["past"] = f"{further.rank!r}~{format_instant(further.at)}"
    return "?" + urlencode(query, safe=":~")
