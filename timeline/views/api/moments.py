"""Moments: the timeline, newest first, and one by its id."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from momentverse.page_cache import PROFILES, TIMELINE
from timeline.core.public_ids import decode_id
from timeline.core.spans import format_instant
from timeline.selectors import moments as moments_module
from timeline.selectors import pagination
from timeline.views.api.fields import FIELDS, TAGS, columns_of, shown
from timeline.views.api.parameters import PARAMETERS, timeline_query
from timeline.views.api.responses import answer, public_api

# The API shows everybody the same, so that caches may keep its answers: whoever asks is nobody.
NOBODY = None


@public_api(TIMELINE, parameters=PARAMETERS)
def timeline(request: HttpRequest) -> HttpResponse:
    """Answer a page of moments, newest first; ``next`` is the cursor of the page after it."""
    query = timeline_query(request)
    page = moments_module.newest_touching(
        NOBODY,
        query.start,
        query.end,
        query.cursor,
        columns=columns_of(query.fields),
        size=query.limit,
    )
    tags = moments_module.tag_names(page.moments) if TAGS in query.fields else {}
    moments = [shown(moment, query.fields, tags.get(moment.pk)) for moment in page.moments]
    return answer({"moments": moments, "next": _next(page)})


def _next(page: pagination.Page) -> str | None:
    return format_instant(page.earliest) if page.has_earlier and page.earliest else None


@public_api(TIMELINE, PROFILES)
def moment(request: HttpRequest, public_id: str) -> HttpResponse:
    """Answer one moment with all its fields."""
    return answer(_moment_with(public_id))


def _moment_with(public_id: str) -> dict[str, Any]:
    try:
        found = moments_module.by_id(NOBODY, decode_id(public_id))
    except ValueError:
        found = None
    if found is None:
        raise Http404(moments_module.NO_SUCH_MOMENT)
    return shown(found, FIELDS, [tag.name for tag in found.tags.all()])
