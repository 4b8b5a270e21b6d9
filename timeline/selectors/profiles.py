"""A person's profile: the public statistics, and the lists that only the owner sees."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, F
from django.db.models.functions import ExtractYear
from django.http import Http404

from accounts.models import User
from timeline.core.spans import UTC
from timeline.models import Moment, Status
from timeline.selectors.moments import list_newest
from timeline.selectors.pagination import Cursor, Page
from timeline.selectors.rollups import Tally

# Only a person's newest moments are counted, to bound the rows read. Hardly anybody has more.
MAX_COUNTED = 10_000
MAX_REVOKED_LISTED = 20


@dataclass(frozen=True)
class ProfileStats:
    """The number of a person's public moments, in total and by year, and of the likes they have.

    ``is_all`` is false if only the newest ``MAX_COUNTED`` were counted.
    """

    moments: int
    likes: int
    is_all: bool
    years: list[tuple[int, Tally]]  # in order, without empty years


@dataclass(frozen=True)
class OwnMoment:
    """A moment in its owner's list, with what only the owner sees."""

    moment: Moment
    edits: int
    likes: int
    hidden_at: dt.datetime | None
    hidden_reason: str


def get_profile_stats(owner: User) -> ProfileStats:
    """Count a person's public moments by year. Reads at most ``MAX_COUNTED`` + 1 rows and their likes."""
    newest = (
        Moment.objects.visible_to(None)
        .filter(user=owner)
        .order_by("-starts_at")
        .annotate(year=ExtractYear("starts_at", tzinfo=UTC), liked=F("like_tally__likes"))
        .values_list("year", "liked")[: MAX_COUNTED + 1]
    )
    sql, parameters = newest.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT year, count(*), coalesce(sum(liked), 0)"  # noqa: S608  Django wrote the rest
            f" FROM ({sql}) AS newest GROUP BY year ORDER BY year",
            parameters,
        )
        rows = cursor.fetchall()
    moments = sum(count for _, count, _ in rows)
    return ProfileStats(
        moments=min(moments, MAX_COUNTED),
        likes=sum(int(likes) for _, _, likes in rows),
        is_all=moments <= MAX_COUNTED,
        years=[(int(year), Tally(count)) for year, count, _ in rows],
    )


def list_own_moments(
    owner: User, cursor: Cursor[dt.datetime]
) -> tuple[Page[Moment, dt.datetime], list[OwnMoment]]:
    """Return a page of a person's active moments of any visibility, newest first.

    Reads a page's rows twice, the second time with what only the owner sees.
    """
    page = list_newest(owner, cursor, owner=owner)
    details = (
        Moment.objects.filter(pk__in=[moment.pk for moment in page.rows], user=owner)
        .annotate(edits=Count("revisions"), liked=F("like_tally__likes"))
        .values_list("pk", "edits", "liked", "hidden_at", "hidden_reason")
    )
    details_by_id = {pk: columns for pk, *columns in details}
    own = []
    for moment in page.rows:
        if moment.pk in details_by_id:
            edits, likes, hidden_at, hidden_reason = details_by_id[moment.pk]
            own.append(OwnMoment(moment, edits, likes or 0, hidden_at, hidden_reason))
    return page, own


def list_revoked_moments(owner: User) -> list[Moment]:
    """Return the latest of a person's moments that were revoked, at most ``MAX_REVOKED_LISTED``."""
    revoked = Moment.objects.filter(user=owner, status=Status.REVOKED)
    return list(revoked.order_by("-status_changed_at")[:MAX_REVOKED_LISTED])


def get_user_by_handle(handle: str) -> User:
    """Return the active user with this handle. Raises Http404."""
    owner = User.objects.filter(handle=handle.lower(), is_active=True).first()
    if owner is None:
        raise Http404("There is nobody with this handle.")
    return owner
