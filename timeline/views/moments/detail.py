"""The page of one moment."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.core.formatting import format_relative_time
from timeline.core.periods import Level, get_period
from timeline.models import Moment, Visibility
from timeline.selectors import feeds, likes, moments
from timeline.views.browse.on_this_day import build_day_link
from timeline.views.moments.metadata import build_description, build_structured_data

SAME_DAY_SIZE = 3


@require_safe
@public_page(TIMELINE, PROFILES, parameters=())
def moment(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """Show a moment; the id decides, and a slug that is not the title's leads to the right one."""
    found = moments.get_visible_moment(request.user, pk)
    if found is None:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    if slug != found.slug:
        return redirect(found, permanent=True)
    earlier, later = moments.get_neighbours(request.user, found)
    now = timezone.now()
    return render(
        request,
        "timeline/moment.html",
        _build_metadata(found)
        | {
            "is_owner": found.user_id == request.user.pk,
            "earlier": earlier,
            "later": later,
            "likes": likes.count_likes(found),
            "liked": likes.is_liked_by(request.user, found),
            "distance": format_relative_time(found.starts_at, found.ends_at, now),
            "is_to_come": found.starts_at > now,
            "day_of_year": build_day_link(found.starts_at),
            "same_day": moments.list_same_day_of_year(request.user, found, size=SAME_DAY_SIZE),
        },
    )


def _build_metadata(found: Moment) -> dict[str, Any]:
    """Return the moment and what programs are told of it; of one that is not for everybody, nothing."""
    day = get_period(Level.DAY, found.starts_at)
    periods = [*day.ancestors, day]
    told: dict[str, Any] = {"moment": found, "periods": periods}
    if found.visibility == Visibility.PUBLIC:
        told["structured_data"] = build_structured_data(found, periods)
        told["oembed_url"] = feeds.oembed_url(found)
        told["picture_url"] = feeds.preview_picture_url(found)
    if found.visibility != Visibility.PRIVATE:
        told["description"] = build_description(found)
    return told
