"""Tags, and the moments that carry one."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.models.tag import TAG_LENGTH
from timeline.selectors import moments
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor


@require_safe
@public_page(TIMELINE, parameters=["after"])
def tags(request: HttpRequest) -> HttpResponse:
    """Show the tags in use, by name, a page at a time."""
    cursor = parse_cursor(request, _parse_name, params=["after"])
    page = moments.list_tags_in_use(request.user, cursor)
    context = {"tags": page.rows, "more": page.after, "after": cursor.after}
    return render(request, "timeline/tags.html", context)


def _parse_name(text: str) -> str | None:
    """Return the name after which a page begins, None for the first page. Raises BadRequest."""
    if not text.isprintable() or len(text) > TAG_LENGTH:
        raise BadRequest("“after” is not a tag.")
    return text or None


@require_safe
@public_page(TIMELINE, parameters=CURSOR_PARAMS)
def tag(request: HttpRequest, name: str) -> HttpResponse:
    """Show the moments that carry a tag, newest first.

    A tag that only hidden moments carry is answered like one that does not exist.
    """
    found = moments.get_tag_in_use(request.user, name)
    if found is None:
        raise Http404(f"No public moment carries the tag “{name}”.")
    cursor = parse_cursor(request)
    page = moments.list_newest(request.user, cursor, tag=found)
    return render(
        request,
        "timeline/tag.html",
        {
            "tag": found,
            **pagination_context(page, cursor),
        },
    )
