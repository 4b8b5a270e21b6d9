"""The page of one moment."""

from __future__ import annotations

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
def moment_detail(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """Show a moment. The id identifies it; an outdated slug redirects to the current address."""
    moment = moments.get_visible_moment(request.user, pk)
    if moment is None:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    if slug != moment.slug:
        return redirect(moment, permanent=True)
    earlier, later = moments.get_neighbours(request.user, moment)
    now = timezone.now()
    return render(
        request,
        "timeline/moment.html",
        _build_metadata(moment)
        | {
            "moment": moment,
            "is_owner": moment.user_id == request.user.pk,
            "earlier": earlier,
            "later": later,
            "likes": likes.count_likes(moment),
            "liked": likes.is_liked_by(request.user, moment),
            "distance": format_relative_time(moment.starts_at, moment.ends_at, now),
            "is_to_come": moment.starts_at > now,
            "day_of_year": build_day_link(moment.starts_at),
            "same_day": moments.list_same_day_of_year(request.user, moment, size=SAME_DAY_SIZE),
        },
    )


def _build_metadata(moment: Moment) -> dict[str, object]:
    """Return the periods of a moment, and what its page says about it to search engines and chats.

    An unlisted moment has a description only; a private one has nothing.
    """
    day = get_period(Level.DAY, moment.starts_at)
    periods = [*day.ancestors, day]
    metadata: dict[str, object] = {"periods": periods}
    if moment.visibility == Visibility.PUBLIC:
        metadata["structured_data"] = build_structured_data(moment, periods)
        metadata["oembed_url"] = feeds.oembed_url(moment)
        metadata["picture_url"] = feeds.preview_picture_url(moment)
    if moment.visibility != Visibility.PRIVATE:
        metadata["description"] = build_description(moment)
    return metadata
