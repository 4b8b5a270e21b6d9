"""Search of public moments by words, owner and dates."""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from timeline.core.exceptions import InvalidInstant, SearchRefused
from timeline.core.search_query import parse
from timeline.core.spans import WINDOW_END, format_instant, parse_instant_in_window
from timeline.selectors import search as search_selectors
from timeline.selectors.search import SearchCursor, SearchResults
from timeline.views.browse.forms import SearchForm


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show the form and the results. Not cached: every combination of words is another page."""
    # Bind the form to the query as it is, so that a link may leave out empty fields.
    form = SearchForm(request.GET if "q" in request.GET else None)
    cursor = _parse_cursor(request)
    context: dict[str, object] = {"form": form, "is_first_page": cursor == SearchCursor()}
    status = 200
    if form.is_bound:
        try:
            results = _run_search(request, form, cursor)
        except ValidationError as error:
            form.add_validation_error(error)
            results = None
        if results is None:
            status = 400
        else:
            context["results"] = results
            context["next_address"] = _next_address(request, results.next_cursor)
    return render(request, "timeline/search.html", context, status=status)


def _run_search(
    request: HttpRequest, form: SearchForm, cursor: SearchCursor
) -> SearchResults | None:
    """Return the results, or None if the form has errors. Raises ValidationError."""
    if not form.is_valid():
        return None
    fields = form.cleaned_data
    if fields["since"] >= fields["until"]:
        raise ValidationError({"until": "It ends before it begins."})
    try:
        query = parse(fields["q"])
        return search_selectors.search(
            request.user, query, fields["since"], fields["until"], cursor
        )
    except SearchRefused as error:
        raise ValidationError({"q": str(error)}) from error


def _parse_cursor(request: HttpRequest) -> SearchCursor:
    """Return the cursor in ``?before=<instant>&past=<rank>~<instant>``. Raises BadRequest.

    Both are optional. It has two parts, unlike the cursors of ``views.pagination``,
    because matches are selected by their start and then sorted by rank.
    """
    before, past = request.GET.get("before"), request.GET.get("past")
    try:
        start = parse_instant_in_window(before) if before else WINDOW_END
        if not past:
            return SearchCursor(start)
        rank, _, past_start = past.partition("~")
        return SearchCursor(start, (float(rank), parse_instant_in_window(past_start)))
    except (InvalidInstant, ValueError):
        raise BadRequest("This is no place in a list of results.") from None


def _next_address(request: HttpRequest, cursor: SearchCursor | None) -> str:
    """Return the query string of the next page, or "" on the last page."""
    if cursor is None:
        return ""
    query = {name: request.GET[name] for name in ("q", "since", "until") if request.GET.get(name)}
    if cursor.before != WINDOW_END:
        query["before"] = format_instant(cursor.before)
    if cursor.past is not None:
        rank, start = cursor.past
        query["past"] = f"{rank!r}~{format_instant(start)}"
    return "?" + urlencode(query, safe=":~")
