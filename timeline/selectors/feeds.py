"""What leaves the site in files: feeds, calendars and sitemaps, for everybody alike.

Nothing here asks who reads: a file is kept, passed on and read by programs, so
it holds what is public and no more. Each function says how much it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import F, Prefetch

from timeline.core.periods import Level, Period
from timeline.models import Moment, MomentQuerySet, Picture, Tag
from timeline.models.moment import CHANGED_AT
from timeline.selectors import rollups
from timeline.selectors.rollups import Tally

if TYPE_CHECKING:
    from accounts.models import User

FEED_SIZE = 50
CALENDAR_SIZE = 500
# A file of this many addresses is made in a fraction of a second; the format allows 50,000.
SITEMAP_SIZE = 10_000


def absolute_url(path: str) -> str:
    """Return a path of the site as an address that can be passed on."""
    return f"{settings.SITE_URL}{path}"


def oembed_url(moment: Moment) -> str:
    """Return where another site learns of a moment's card."""
    return absolute_url(f"/oembed?{urlencode({'url': absolute_url(moment.get_absolute_url())})}")


def preview_picture_url(moment: Moment) -> str:
    """Return where a moment's picture is for previews elsewhere; empty when it has none to show."""
    picture: Picture | None = getattr(moment, "picture", None)
    return absolute_url(picture.largest) if picture and picture.is_ready else ""


def recently_published() -> list[Moment]:
    """Return what came onto the timeline or changed last, the latest first. Reads ``FEED_SIZE`` rows."""
    return list(_latest_first(Moment.objects.visible_to(None))[:FEED_SIZE])


def recently_published_by(owner: User, size: int = FEED_SIZE) -> list[Moment]:
    """Return what is new of one person, the latest first. Reads ``size`` rows."""
    return list(_latest_first(Moment.objects.visible_to(None).filter(user=owner))[:size])


def recently_tagged(tag: Tag) -> list[Moment]:
    """Return what a tag was put on last, the latest first.

    Reads ``FEED_SIZE`` rows, and the hidden moments in between.
    """
    tagged = _for_feed(Moment.objects.visible_to(None).filter(moment_tags__tag=tag))
    return list(tagged.order_by(-F("moment_tags__id"))[:FEED_SIZE])


def get_public_moment(pk: int) -> Moment | None:
    """Return a moment that everybody may know of, with owner and picture. Reads one row."""
    public = Moment.objects.visible_to(None).select_related("user", "picture")
    return public.filter(pk=pk).first()


def _latest_first(moments: MomentQuerySet) -> MomentQuerySet:
    return _for_feed(moments).order_by(CHANGED_AT.desc(), "-pk")


def _for_feed(moments: MomentQuerySet) -> MomentQuerySet:
    """Fetch what a file says of a moment."""
    return (
        moments.select_related("user")
        .only(
            "title", "starts_at", "ends_at", "story", "place", "status_changed_at", "updated_at",
            "user__handle", "user__display_name",
        )
        .prefetch_related(Prefetch("tags", Tag.objects.only("name")))
    )  # fmt: skip


def sitemap_periods() -> list[Period]:
    """Return periods that together hold all public moments, in order, each at most ``SITEMAP_SIZE`` of them.

    By the stored counts: one query, and one more for each period that holds too
    many and is replaced by its parts.
    """
    _, centuries = rollups.get_timeline_tally_with_centuries()
    return [part for century, tally in centuries for part in _split_by_size(century, tally)]


def _split_by_size(period: Period, tally: Tally) -> Iterator[Period]:
    if tally.moments <= SITEMAP_SIZE or period.level is Level.HOUR:
        if tally.moments:
            yield period
        return
    for part, its_tally in rollups.get_tally_with_children(period)[1]:
        yield from _split_by_size(part, its_tally)


def sitemap_entries(period: Period) -> list[Moment]:
    """Return the public moments that begin in a period, in order, with what their addresses are made of.

    Reads those rows: about ``SITEMAP_SIZE`` when the period is one of ``sitemap_periods``, and never
    more than twice as many.
    """
    moments = Moment.objects.visible_to(None).filter(
        starts_at__gte=period.starts_at, starts_at__lt=period.ends_at
    )
    listed = moments.only("title", "starts_at", "status_changed_at", "updated_at")
    return list(listed.order_by("starts_at")[: 2 * SITEMAP_SIZE])
