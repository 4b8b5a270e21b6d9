"""The page of one moment."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from momentverse.page_cache import TIMELINE_SECONDS, public_page
from timeline import reading, syndication
from timeline.periods import Level, period_at
from timeline.words import distance_in_words


@require_safe
@public_page(TIMELINE_SECONDS)
def moment(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    """Show a moment; the id decides, and a slug that is not the title's leads to the right one."""
    found = reading.by_id(request.user, pk)
    if found is None:
        raise Http404(reading.NO_SUCH_MOMENT)
    if slug != found.slug:
        return redirect(found, permanent=True)
    earlier, later = reading.neighbours(request.user, found)
    picture = getattr(found, "picture", None)
    day = period_at(Level.DAY, found.starts_at)
    return render(
        request,
        "timeline/moment.html",
        {
            "moment": found,
            "is_owner": found.user_id == request.user.pk,
            "earlier": earlier,
            "later": later,
            "periods": [*day.ancestors, day],
            "picture_url": syndication.address(picture.largest) if picture else "",
            "oembed_url": syndication.oembed_url(found),
            "distance": distance_in_words(found.starts_at, found.ends_at, timezone.now()),
        },
    )
