"""Tags, and the moments that carry one."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE, public_page
from timeline.models.tag import TAG_LENGTH
from timeline.selectors import moments
from timeline.views.pagination import CUTS, cut_of, shown


@require_safe
@public_page(TIMELINE, parameters=["after"])
def tags(request: HttpRequest) -> HttpResponse:
    """Show the tags in use, by name, a page at a time."""
    after = request.GET.get("after", "")
    if not after.isprintable() or len(after) > TAG_LENGTH:
        raise BadRequest("“after” is not a tag.")
    found, more = moments.tags_in_use(request.user, after)
    context = {"tags": found, "more": more, "after": after}
    return render(request, "timeline/tags.html", context)


@require_safe
@public_page(TIMELINE, parameters=CUTS)
def tag(request: HttpRequest, name: str) -> HttpResponse:
    """Show the moments that carry a tag, newest first.

    A tag that only hidden moments carry is answered like one that does not exist.
    """
    found = moments.tag_named(request.user, name)
    if found is None:
        raise Http404(f"No public moment carries the tag “{name}”.")
    cut = cut_of(request)
    page = moments.newest_first(request.user, cut, tag=found)
    return render(
        request,
        "timeline/tag.html",
        {
            "tag": found,
            **shown(page, cut),
        },
    )
