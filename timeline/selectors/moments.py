"""Queries for lists of moments, a moment's neighbours, a single moment, and tags.

Active moments do not overlap, so sorting them by start also sorts them by end,
and the start is a unique key: lists are paginated by ``starts_at``. Each
function says how many rows it reads.
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
# The same sentence for ids that are malformed, unused or not public, so that it does not reveal which.
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

    Reads size + 1 rows. For an owner it also reads the hidden moments in between.
    """
    moments = Moment.objects.visible_to(viewer).for_cards()
    key = "starts_at"
    if owner is not None:
        moments = moments.filter(user=owner)
    if tag is not None:
        # MomentTag has its own copy of the start, so that the scan runs along the tag's index.
        # The alias shares the join of this filter; filtering on `moment_tags` again would join
        # the table a second time and repeat moments.
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
    """Return a page of the moments that overlap ``[start, end)``, oldest first.

    Reads size + 1 rows, and the moments that start in the 24 hours before ``start``.
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
    """Return a page of the moments that overlap ``[start, end)`` and start before ``before``, newest first.

    Each of the three bounds may be None. Only the start and ``columns`` are
    fetched; ``get_tag_names`` fetches the tags. Reads size + 1 rows.
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
    """Return the sorted tag names of each of these moments that has tags, by the moment's id."""
    ids = [moment.pk for moment in moments]
    if not ids:
        return {}
    pairs = (
        MomentTag.objects.filter(moment__in=ids)
        .order_by("tag__name")
        .values_list("moment_id", "tag__name")
    )
    # Plain tuples: building a model instance for every tag of a long page takes longer than the rest.
    names: defaultdict[int, list[str]] = defaultdict(list)
    for pk, name in pairs:
        names[pk].append(name)
    return names


def attach_tag_names(moments: list[Moment]) -> list[Moment]:
    """Set ``tag_names`` on each of these moments and return them. One query."""
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
    """Return a page of the moments that start on this day in any year, newest first. Reads size + 1 rows."""
    moments = _starting_on_day_of_year(viewer, month, day).for_cards()
    page = paginate(moments, "starts_at", cursor, size=size, descending=True)
    attach_tag_names(page.rows)
    return page


def get_neighbours(viewer: Viewer, moment: Moment) -> tuple[Moment | None, Moment | None]:
    """Return the visible moments just before and just after a moment. Reads two rows."""
    visible = Moment.objects.visible_to(viewer).only("title", "starts_at", "ends_at")
    earlier = visible.filter(starts_at__lt=moment.starts_at).order_by("-starts_at").first()
    later = visible.filter(starts_at__gt=moment.starts_at).order_by("starts_at").first()
    return earlier, later


def get_neighbours_of_instant(
    viewer: Viewer, instant: dt.datetime, *, size: int = 1
) -> tuple[list[Moment], Moment | None]:
    """Return the last visible moments that start at or before ``instant``, and the first one after it.

    The former are at most ``size``, newest first. Only titles and times are
    fetched. Reads size + 1 rows.
    """
    visible = Moment.objects.visible_to(viewer).only("title", "starts_at", "ends_at")
    earlier = visible.filter(starts_at__lte=instant).order_by("-starts_at")[:size]
    return list(earlier), visible.filter(starts_at__gt=instant).order_by("starts_at").first()


def list_same_day_of_year(viewer: Viewer, moment: Moment, *, size: int) -> list[Moment]:
    """Return other moments that start on the same day of any year, newest first. Reads size + 1 rows."""
    day = moment.starts_at
    same_day = _starting_on_day_of_year(viewer, day.month, day.day).order_by("-starts_at")
    # One more than needed, because the moment itself may be among them.
    newest = same_day.only("title", "starts_at", "ends_at")[: size + 1]
    return [other for other in newest if other != moment][:size]


def get_visible_moment(viewer: Viewer, pk: int) -> Moment | None:
    """Return the moment with this id, or None unless ``viewer`` may see it by its address.

    Its owner, tags, picture and number of likes are fetched too.
    """
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
    """Return a page of the tags that have a moment visible to ``viewer``, by name.

    The default size is ``TAGS_PAGE_SIZE``. Reads size + 1 tags and, for each,
    its latest visible moment and the hidden ones after that.
    """
    return paginate(_tags_in_use(viewer), "name", cursor, size=size or TAGS_PAGE_SIZE)


def get_tag_in_use(viewer: Viewer, name: str) -> Tag | None:
    """Return the tag with this name, or None unless ``viewer`` can see a moment that has it.

    Reads the tag's latest visible moment, and the hidden ones after that.
    """
    return _tags_in_use(viewer).filter(name=name).first()


def _starting_on_day_of_year(viewer: Viewer, month: int, day: int) -> MomentQuerySet:
    return (
        Moment.objects.visible_to(viewer)
        .annotate(month_day=MonthDay("starts_at"))
        .filter(month_day=month * 100 + day)
    )


def _tags_in_use(viewer: Viewer) -> QuerySet[Tag]:
    # Ask for the latest visible moment rather than for any: with an order, PostgreSQL walks along
    # the tag's index and stops at the first visible moment; without one, it reads every moment
    # that has the tag.
    visible = Moment.objects.visible_to(viewer).filter(pk=OuterRef("moment"))
    latest = MomentTag.objects.filter(Exists(visible), tag=OuterRef("pk")).order_by("-starts_at")
    return Tag.objects.annotate(latest=Subquery(latest.values("pk")[:1])).filter(
        latest__isnull=False
    )
