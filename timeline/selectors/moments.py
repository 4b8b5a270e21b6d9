"""Every query that reads the timeline for showing it.

Live moments do not overlap, so sorted by start they are sorted by end too,
and a start is a unique key: pages are cut by ``starts_at``, never by OFFSET,
and nothing is counted. Each function says how much it reads.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from timeline.core.spans import WINDOW_END, WINDOW_START
from timeline.db.functions import MonthDay
from timeline.models import Moment, MomentQuerySet, MomentTag, Tag
from timeline.selectors.pagination import PAGE_SIZE, Cursor, Page, paginate

if TYPE_CHECKING:
    from accounts.models import User
    from timeline.models.moment import Viewer


TAGS_PAGE_SIZE = 300
# One sentence for ids that are none, that are free and that are not public: it tells them not apart.
NO_SUCH_MOMENT_MESSAGE = "There is no such moment, or it is not public."


def list_newest(
    viewer: Viewer,
    cursor: Cursor[dt.datetime] = Cursor(),
    *,
    tag: Tag | None = None,
    owner: User | None = None,
    size: int = PAGE_SIZE,
) -> Page[Moment, dt.datetime]:
    """Return a page of the whole timeline, of one tag or of one owner, newest first.

    Reads size + 1 rows; of an owner also their hidden ones in between.
    """
    moments = Moment.objects.visible_to(viewer).for_cards()
    key = "starts_at"
    if owner is not None:
        moments = moments.filter(user=owner)
    if tag is not None:
        # The tag's own copy of the start, so that the scan runs along the tag's index. As an alias
        # it shares the join of this filter; another filter would join the tags a second time and
        # repeat moments.
        key = "tag_starts_at"
        moments = moments.filter(moment_tags__tag=tag).alias(
            tag_starts_at=F("moment_tags__starts_at")
        )
    page = paginate(
        moments, key, cursor, size=size, descending=True, get_key=attrgetter("starts_at")
    )
    attach_tag_names(page.rows)
    return page


def list_in_period(
    viewer: Viewer,
    start: dt.datetime,
    end: dt.datetime,
    cursor: Cursor[dt.datetime] = Cursor(),
    *,
    size: int = PAGE_SIZE,
) -> Page[Moment, dt.datetime]:
    """Return a page of the moments that touch ``[start, end)``, in order of time.

    Reads size + 1 rows, and those of the 24 hours before ``start``.
    """
    moments = Moment.objects.visible_to(viewer).overlapping(start, end).for_cards()
    page = paginate(moments, "starts_at", cursor, size=size)
    attach_tag_names(page.rows)
    return page


def list_overlapping(
    viewer: Viewer,
    start: dt.datetime | None,
    end: dt.datetime | None,
    before: dt.datetime | None,
    *,
    columns: frozenset[str],
    size: int,
) -> Page[Moment, dt.datetime]:
    """Return the moments that touch ``[start, end)`` and start before an instant, newest first.

    Each of the three bounds may be None. Of a moment only ``columns`` and the
    start are fetched, and no tags: see ``tag_names``. Reads size + 1 rows.
    """
    moments = Moment.objects.visible_to(viewer)
    if start is not None or end is not None:
        moments = moments.overlapping(start or WINDOW_START, end or WINDOW_END)
    if any(column.startswith("user__") for column in columns):
        moments = moments.select_related("user")
    return paginate(
        moments.only("starts_at", *columns),
        "starts_at",
        Cursor(before=before),
        size=size,
        descending=True,
    )


def get_tag_names(moments: Iterable[Moment]) -> dict[int, list[str]]:
    """Return the names of the tags, in order, of each of these moments that has any, by its id."""
    ids = [moment.pk for moment in moments]
    if not ids:
        return {}
    pairs = (
        MomentTag.objects.filter(moment__in=ids)
        .order_by("tag__name")
        .values_list("moment_id", "tag__name")
    )
    # Plain rows: a model instance for each of a long page's tags takes longer than all the rest.
    names: defaultdict[int, list[str]] = defaultdict(list)
    for pk, name in pairs:
        names[pk].append(name)
    return names


def attach_tag_names(moments: list[Moment]) -> list[Moment]:
    """Return the same moments, each with its ``tag_names``."""
    names = get_tag_names(moments)
    for moment in moments:
        moment.tag_names = names.get(moment.pk, [])
    return moments


def list_on_day_of_year(
    viewer: Viewer,
    month: int,
    day: int,
    cursor: Cursor[dt.datetime] = Cursor(),
    *,
    size: int = PAGE_SIZE,
) -> Page[Moment, dt.datetime]:
    """Return a page of the moments that start on this day of any year, newest first. Reads size + 1 rows."""
    moments = _starting_on_day_of_year(viewer, month, day).for_cards()
    page = paginate(moments, "starts_at", cursor, size=size, descending=True)
    attach_tag_names(page.rows)
    return page


def get_neighbours(viewer: Viewer, moment: Moment) -> tuple[Moment | None, Moment | None]:
    """Return the visible moments just before and just after one. Reads two rows."""
    visible = Moment.objects.visible_to(viewer).only("title", "starts_at", "ends_at")
    earlier = visible.filter(starts_at__lt=moment.starts_at).order_by("-starts_at").first()
    later = visible.filter(starts_at__gt=moment.starts_at).order_by("starts_at").first()
    return earlier, later


def get_neighbours_of_instant(
    viewer: Viewer, instant: dt.datetime, *, size: int = 1
) -> tuple[list[Moment], Moment | None]:
    """Return the last ``size`` visible moments to start by ``instant``, newest first, and the first after it.

    Of a moment only what a line shows is fetched. Reads size + 1 rows.
    """
    visible = Moment.objects.visible_to(viewer).only("title", "starts_at", "ends_at")
    begun = visible.filter(starts_at__lte=instant).order_by("-starts_at")[:size]
    return list(begun), visible.filter(starts_at__gt=instant).order_by("starts_at").first()


def list_same_day_of_year(viewer: Viewer, moment: Moment, *, size: int) -> list[Moment]:
    """Return other moments that start on a moment's day of any year, newest first. Reads size + 1 rows."""
    day = moment.starts_at
    found = _starting_on_day_of_year(viewer, day.month, day.day).only(
        "title", "starts_at", "ends_at"
    )
    return [other for other in found.order_by("-starts_at")[: size + 1] if other != moment][:size]


def get_visible_moment(viewer: Viewer, pk: int) -> Moment | None:
    """Return the moment with this id if ``viewer`` may see it, with its owner, tags and likes."""
    return (
        Moment.objects.visible_to(viewer, by_address=True)
        .select_related("user", "like_tally", "picture")
        .prefetch_related("tags")
        .filter(pk=pk)
        .first()
    )


def list_tags_in_use(
    viewer: Viewer, cursor: Cursor[str] = Cursor(), *, size: int | None = None
) -> Page[Tag, str]:
    """Return a page of the tags that a moment visible to ``viewer`` carries, by name.

    Its size is ``TAGS_SIZE`` by default. Reads size + 1 tags; of each its latest
    visible moment, and the hidden ones after that.
    """
    return paginate(_tags_in_use(viewer), "name", cursor, size=size or TAGS_PAGE_SIZE)


def get_tag_in_use(viewer: Viewer, name: str) -> Tag | None:
    """Return the tag of this name if a moment visible to ``viewer`` carries it.

    Reads of its moments the latest visible one, and the hidden ones after that.
    """
    return _tags_in_use(viewer).filter(name=name).first()


def _starting_on_day_of_year(viewer: Viewer, month: int, day: int) -> MomentQuerySet:
    return (
        Moment.objects.visible_to(viewer)
        .annotate(month_day=MonthDay("starts_at"))
        .filter(month_day=month * 100 + day)
    )


def _tags_in_use(viewer: Viewer) -> QuerySet[Tag]:
    # The latest one, and not just any: ordered, it is a walk along the tag's index that ends at
    # the first visible moment; unordered, PostgreSQL gathers all that carry the tag.
    visible = Moment.objects.visible_to(viewer).filter(pk=OuterRef("moment"))
    latest = MomentTag.objects.filter(Exists(visible), tag=OuterRef("pk")).order_by("-starts_at")
    return Tag.objects.annotate(latest=Subquery(latest.values("pk")[:1])).filter(
        latest__isnull=False
    )
