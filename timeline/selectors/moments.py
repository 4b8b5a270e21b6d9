"""Every query that reads the timeline for showing it.

Live moments do not overlap, so sorted by start they are sorted by end too,
and a start is a unique key: pages are cut by ``starts_at``, never by OFFSET,
and nothing is counted. Each function says how much it reads.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from timeline.core.spans import WINDOW_END, WINDOW_START
from timeline.db.functions import MonthDay
from timeline.models import Moment, MomentQuerySet, MomentTag, Tag
from timeline.selectors.pagination import PAGE_SIZE, Cut, Page, _first

if TYPE_CHECKING:
    from accounts.models import User
    from timeline.models.moment import Viewer


TAGS_SIZE = 300
# One sentence for ids that are none, that are free and that are not public: it tells them not apart.
NO_SUCH_MOMENT = "There is no such moment, or it is not public."


def newest_first(
    viewer: Viewer,
    cut: Cut = Cut(),
    *,
    tag: Tag | None = None,
    owner: User | None = None,
    size: int = PAGE_SIZE,
) -> Page:
    """Return a page of the whole timeline, of one tag or of one owner, newest first.

    Reads size + 1 rows; of an owner also their hidden ones in between.
    """
    moments = Moment.objects.visible_to(viewer)
    if owner is not None:
        moments = moments.filter(user=owner)
    return _page(moments, cut, size, newest_first=True, tag=tag)


def within(
    viewer: Viewer, start: dt.datetime, end: dt.datetime, cut: Cut = Cut(), *, size: int = PAGE_SIZE
) -> Page:
    """Return a page of the moments that touch ``[start, end)``, in order of time.

    Reads size + 1 rows, and those of the 24 hours before ``start``.
    """
    moments = Moment.objects.visible_to(viewer).touching(start, end)
    return _page(moments, cut, size, newest_first=False)


def newest_touching(
    viewer: Viewer,
    start: dt.datetime | None,
    end: dt.datetime | None,
    before: dt.datetime | None,
    *,
    columns: frozenset[str],
    size: int,
) -> Page:
    """Return the moments that touch ``[start, end)`` and start before an instant, newest first.

    Each of the three bounds may be None. Of a moment only ``columns`` and the
    start are fetched, and no tags: see ``tag_names``. Reads size + 1 rows.
    """
    moments = Moment.objects.visible_to(viewer)
    if start is not None or end is not None:
        moments = moments.touching(start or WINDOW_START, end or WINDOW_END)
    if before is not None:
        moments = moments.filter(starts_at__lt=before)
    if any(column.startswith("user__") for column in columns):
        moments = moments.select_related("user")
    rows, more = _first(moments.only("starts_at", *columns).order_by("-starts_at"), size)
    return Page(rows, has_earlier=more, has_later=before is not None)


def tag_names(moments: Iterable[Moment]) -> dict[int, list[str]]:
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


def with_tags(moments: list[Moment]) -> list[Moment]:
    """Return the same moments, each with its ``tag_names``."""
    names = tag_names(moments)
    for moment in moments:
        moment.tag_names = names.get(moment.pk, [])
    return moments


def on_day_of_year(
    viewer: Viewer, month: int, day: int, cut: Cut = Cut(), *, size: int = PAGE_SIZE
) -> Page:
    """Return a page of the moments that start on this day of any year, newest first. Reads size + 1 rows."""
    return _page(_on_day_of_year(viewer, month, day), cut, size, newest_first=True)


def neighbours(viewer: Viewer, moment: Moment) -> tuple[Moment | None, Moment | None]:
    """Return the visible moments just before and just after one. Reads two rows."""
    visible = Moment.objects.visible_to(viewer).only("title", "starts_at", "ends_at")
    earlier = visible.filter(starts_at__lt=moment.starts_at).order_by("-starts_at").first()
    later = visible.filter(starts_at__gt=moment.starts_at).order_by("starts_at").first()
    return earlier, later


def around(
    viewer: Viewer, instant: dt.datetime, *, size: int = 1
) -> tuple[list[Moment], Moment | None]:
    """Return the last ``size`` visible moments to start by ``instant``, newest first, and the first after it.

    Of a moment only what a line shows is fetched. Reads size + 1 rows.
    """
    visible = Moment.objects.visible_to(viewer).only("title", "starts_at", "ends_at")
    begun = visible.filter(starts_at__lte=instant).order_by("-starts_at")[:size]
    return list(begun), visible.filter(starts_at__gt=instant).order_by("starts_at").first()


def same_day_of_year(viewer: Viewer, moment: Moment, *, size: int) -> list[Moment]:
    """Return other moments that start on a moment's day of any year, newest first. Reads size + 1 rows."""
    day = moment.starts_at
    found = _on_day_of_year(viewer, day.month, day.day).only("title", "starts_at", "ends_at")
    return [other for other in found.order_by("-starts_at")[: size + 1] if other != moment][:size]


def by_id(viewer: Viewer, pk: int) -> Moment | None:
    """Return the moment with this id if ``viewer`` may see it, with its owner, tags and likes."""
    moment: Moment | None = (
        Moment.objects.visible_to(viewer, by_address=True)
        .select_related("user", "like_tally", "picture")
        .prefetch_related("tags")
        .filter(pk=pk)
        .first()
    )
    return moment


def tags_in_use(
    viewer: Viewer, after: str = "", *, size: int | None = None
) -> tuple[list[Tag], bool]:
    """Return tags that a moment visible to ``viewer`` carries, by name, and whether there are more.

    Those after ``after``, ``TAGS_SIZE`` unless told. Reads one more; of each its
    latest visible moment, and the hidden ones after that.
    """
    return _first(_tags(viewer).filter(name__gt=after).order_by("name"), size or TAGS_SIZE)


def tag_named(viewer: Viewer, name: str) -> Tag | None:
    """Return the tag of this name if a moment visible to ``viewer`` carries it.

    Reads of its moments the latest visible one, and the hidden ones after that.
    """
    return _tags(viewer).filter(name=name).first()


def _on_day_of_year(viewer: Viewer, month: int, day: int) -> MomentQuerySet:
    moments: MomentQuerySet = (
        Moment.objects.visible_to(viewer)
        .annotate(month_day=MonthDay("starts_at"))
        .filter(month_day=month * 100 + day)
    )
    return moments


def _tags(viewer: Viewer) -> QuerySet[Tag]:
    # The latest one, and not just any: ordered, it is a walk along the tag's index that ends at
    # the first visible moment; unordered, PostgreSQL gathers all that carry the tag.
    visible = Moment.objects.visible_to(viewer).filter(pk=OuterRef("moment"))
    latest = MomentTag.objects.filter(Exists(visible), tag=OuterRef("pk")).order_by("-starts_at")
    return Tag.objects.annotate(latest=Subquery(latest.values("pk")[:1])).filter(
        latest__isnull=False
    )


def _page(
    moments: MomentQuerySet, cut: Cut, size: int, *, newest_first: bool, tag: Tag | None = None
) -> Page:
    # A tag's own copy of the start, so that the scan runs along the tag's index.
    key = "moment_tags__starts_at" if tag else "starts_at"
    bounds = {f"{key}__lt": cut.before, f"{key}__gt": cut.after, "moment_tags__tag": tag}
    # In one filter: a second one would join the tags a second time, and repeat moments.
    moments = moments.filter(**{name: value for name, value in bounds.items() if value is not None})
    # Read away from the cut, so that the rows next to it are the ones that are found.
    backwards = cut.after is None if newest_first else cut.before is not None
    cards = moments.for_cards().order_by(f"-{key}" if backwards else key)
    rows, more = _first(cards, size)
    if backwards is not newest_first:
        rows.reverse()
    return Page(
        moments=with_tags(rows),
        has_earlier=more if backwards else cut.after is not None,
        has_later=cut.before is not None if backwards else more,
    )
