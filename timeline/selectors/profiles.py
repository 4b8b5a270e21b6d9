"""What a person has on the timeline: the figures everybody sees, the list only they see."""

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
from timeline.selectors import moments as reading
from timeline.selectors.pagination import Cursor, Page
from timeline.selectors.rollups import Tally

# So many of a person's newest moments are counted: nearly everybody's, and a bounded number of rows.
MAX_COUNTED = 10_000
MAX_REVOKED_LISTED = 20


@dataclass(frozen=True)
class ProfileStats:
    """How many public moments somebody has, from when to when, how often they are liked.

    ``is_all`` is false when only the newest ``COUNTED`` were counted.
    """

    moments: int
    likes: int
    is_all: bool
    years: list[tuple[int, Tally]]  # in order; those without a moment are left out


@dataclass(frozen=True)
class OwnMoment:
    """A moment as its owner sees it in their list."""

    moment: Moment
    edits: int
    likes: int
    hidden_at: dt.datetime | None
    hidden_reason: str


def get_profile_stats(owner: User) -> ProfileStats:
    """Count a person's public moments by year. Reads ``COUNTED`` rows and their likes at most."""
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
    """Return a page of a person's active moments, whoever else sees them, newest first.

    Reads a page's rows twice, the second time with what only the owner is told.
    """
    page = reading.list_newest(owner, cursor, owner=owner)
    told = Moment.objects.filter(pk__in=[moment.pk for moment in page.rows], user=owner)
    told = told.annotate(edits=Count("revisions"), liked=F("like_tally__likes"))
    by_id = {
        pk: more
        for pk, *more in told.values_list("pk", "edits", "liked", "hidden_at", "hidden_reason")
    }
    own = []
    for moment in page.rows:
        if moment.pk in by_id:
            edits, likes, hidden_at, hidden_reason = by_id[moment.pk]
            own.append(OwnMoment(moment, edits, likes or 0, hidden_at, hidden_reason))
    return page, own


def list_revoked_moments(owner: User) -> list[Moment]:
    """Return the last of a person's moments that are off the timeline, with the reason."""
    gone = Moment.objects.filter(user=owner, status=Status.REVOKED)
    return list(gone.order_by("-status_changed_at")[:MAX_REVOKED_LISTED])


def get_user_by_handle(handle: str) -> User:
    """Return the person with this handle. Raises Http404."""
    owner = User.objects.filter(handle=handle.lower(), is_active=True).first()
    if owner is None:
        raise Http404("There is nobody with this handle.")
    return owner
