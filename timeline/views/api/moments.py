"""The API's endpoints for moments: the timeline, newest first, and a moment by its id."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse

from momentverse.page_cache import PROFILES, TIMELINE
from timeline.core.public_ids import decode_id
from timeline.core.spans import format_instant
from timeline.selectors.moments import (
    NO_SUCH_MOMENT_MESSAGE,
    get_tag_names,
    get_visible_moment,
    list_overlapping,
)
from timeline.views.api.fields import FIELDS, TAGS, get_columns, serialize_moment
from timeline.views.api.parameters import PARAMETERS, parse_timeline_query
from timeline.views.api.responses import JsonObject, public_api, success_response

# Every visitor is treated as anonymous, so that caches may keep the responses.
ANONYMOUS = None


@public_api(TIMELINE, parameters=PARAMETERS)
def timeline(request: HttpRequest) -> HttpResponse:
    """Return a page of moments, newest first; ``next`` is the cursor of the next page."""
    query = parse_timeline_query(request)
    page = list_overlapping(
        ANONYMOUS,
        query.start,
        query.end,
        query.cursor,
        columns=get_columns(query.fields),
        size=query.limit,
    )
    tags = get_tag_names(page.rows) if TAGS in query.fields else {}
    moments = [serialize_moment(moment, query.fields, tags.get(moment.pk)) for moment in page.rows]
    return success_response(
        {"moments": moments, "next": format_instant(page.before) if page.before else None}
    )


@public_api(TIMELINE, PROFILES)
def moment_detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """Return a moment with all its fields."""
    return success_response(_get_moment(public_id))


def _get_moment(public_id: str) -> JsonObject:
    try:
        moment = get_visible_moment(ANONYMOUS, decode_id(public_id))
    except ValueError:
        moment = None
    if moment is None:
        raise Http404(NO_SUCH_MOMENT_MESSAGE)
    return serialize_moment(moment, FIELDS, [tag.name for tag in moment.tags.all()])
