"""The list of tags, and the moments of a tag."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.models.tag import TAG_LENGTH
from timeline.selectors.moments import get_tag_in_use, list_newest, list_tags_in_use
from timeline.views.pagination import CURSOR_PARAMS, pagination_context, parse_cursor


@require_safe
@public_page(TIMELINE, parameters=["after"])
def tag_list(request: HttpRequest) -> HttpResponse:
    """Show a page of the tags in use, by name."""
    cursor = parse_cursor(request, _parse_name, params=["after"])
    page = list_tags_in_use(request.user, cursor)
    return render(request, "timeline/tags.html", pagination_context(page, cursor, str))


def _parse_name(text: str) -> str | None:
    """Return the name that a page begins after, or None for the first page. Raises BadRequest."""
    if not text.isprintable() or len(text) > TAG_LENGTH:
        raise BadRequest("“after” is not a tag.")
    return text or None


@require_safe
@public_page(TIMELINE, parameters=CURSOR_PARAMS)
def tag_detail(request: HttpRequest, name: str) -> HttpResponse:
    """Show the moments of a tag, newest first.

    A tag that only hidden moments have gets the same 404 as one that does not exist.
    """
    tag = get_tag_in_use(request.user, name)
    if tag is None:
        raise Http404(f"No public moment carries the tag “{name}”.")
    cursor = parse_cursor(request)
    page = list_newest(request.user, cursor, tag=tag)
    return render(request, "timeline/tag.html", {"tag": tag, **pagination_context(page, cursor)})
