"""Queries for feeds, calendars and sitemaps.

They return what is public, whoever the viewer is: programs keep these files and
pass them on. Each function says how many rows it reads.
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
# A file with this many addresses is built in a fraction of a second. The format allows 50,000.
SITEMAP_SIZE = 10_000


def absolute_url(path: str) -> str:
    """Return the full URL of a path of this site."""
    return f"{settings.SITE_URL}{path}"


def oembed_url(moment: Moment) -> str:
    """Return the URL that describes a moment's card to other sites."""
    return absolute_url(f"/oembed?{urlencode({'url': absolute_url(moment.get_absolute_url())})}")


def preview_picture_url(moment: Moment) -> str:
    """Return the URL of a moment's picture for link previews, or "" if it has none that is ready."""
    picture: Picture | None = getattr(moment, "picture", None)
    return absolute_url(picture.largest) if picture and picture.is_ready else ""


def recently_published() -> list[Moment]:
    """Return the moments published or changed last, latest first. Reads ``FEED_SIZE`` rows."""
    return list(_latest_first(Moment.objects.visible_to(None))[:FEED_SIZE])


def recently_published_by(owner: User, size: int = FEED_SIZE) -> list[Moment]:
    """Return a person's moments published or changed last, latest first. Reads ``size`` rows."""
    return list(_latest_first(Moment.objects.visible_to(None).filter(user=owner))[:size])


def recently_tagged(tag: Tag) -> list[Moment]:
    """Return the moments that got a tag last, latest first.

    Reads ``FEED_SIZE`` rows, and the hidden moments in between.
    """
    tagged = _for_feed(Moment.objects.visible_to(None).filter(moment_tags__tag=tag))
    return list(tagged.order_by(-F("moment_tags__id"))[:FEED_SIZE])


def get_public_moment(pk: int) -> Moment | None:
    """Return the public moment with this id, with its owner and picture. Reads one row."""
    public = Moment.objects.visible_to(None).select_related("user", "picture")
    return public.filter(pk=pk).first()


def _latest_first(moments: MomentQuerySet) -> MomentQuerySet:
    return _for_feed(moments).order_by(CHANGED_AT.desc(), "-pk")


def _for_feed(moments: MomentQuerySet) -> MomentQuerySet:
    """Fetch only the columns that feeds and calendars show."""
    return (
        moments.select_related("user")
        .only(
            "title", "starts_at", "ends_at", "story", "place", "status_changed_at", "updated_at",
            "user__handle", "user__display_name",
        )
        .prefetch_related(Prefetch("tags", Tag.objects.only("name")))
    )  # fmt: skip


def sitemap_periods() -> list[Period]:
    """Return periods, in order, that together hold all public moments, each at most ``SITEMAP_SIZE``.

    A period that holds more is replaced by its children. Only the stored counts
    are read: one query, and one more for each period that is replaced.
    """
    _, centuries = rollups.get_timeline_tally_with_centuries()
    return [period for century, tally in centuries for period in _split_by_size(century, tally)]


def _split_by_size(period: Period, tally: Tally) -> Iterator[Period]:
    if tally.moments <= SITEMAP_SIZE or period.level is Level.HOUR:
        if tally.moments:
            yield period
        return
    for child, child_tally in rollups.get_tally_with_children(period)[1]:
        yield from _split_by_size(child, child_tally)


def sitemap_entries(period: Period) -> list[Moment]:
    """Return the public moments that start in a period, in order, with the columns that a sitemap needs.

    Reads about ``SITEMAP_SIZE`` rows if the period is one of ``sitemap_periods``,
    and never more than twice as many.
    """
    moments = Moment.objects.visible_to(None).filter(
        starts_at__gte=period.starts_at, starts_at__lt=period.ends_at
    )
    listed = moments.only("title", "starts_at", "status_changed_at", "updated_at")
    return list(listed.order_by("starts_at")[: 2 * SITEMAP_SIZE])
