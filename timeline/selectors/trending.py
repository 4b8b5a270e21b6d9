"""Moments that were liked a lot recently.

A moment's *heat* is the base-2 logarithm of a sum over the people who like it:
each like is worth 2^(t / H), where t is the time of the like, counted from the
beginning of 2026, and H is a half-life of two days. So a like is worth twice as
much as a like two days earlier, and a hundred old likes can outweigh a new one.

As time passes, all sums shrink by the same factor and their order stays the
same. So heat is only computed when a like is given or withdrawn; it is stored
and indexed, and the top is an index scan however large the table. This is forward
decay: G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A
Practical Time Decay Model for Streaming Systems", ICDE 2009. The logarithm is
needed because the sums themselves would exceed the range of a double after
eleven years; news sites that rank by logarithm of votes plus time do nearly the
same.

Nobody can make a moment trend alone: a person counts once, never for their own
moment and not while their account is younger than a week (``services/likes.py``),
and a like that is withdrawn and given again keeps its first time
(``models/like.py``). The database computes the sums (``db/sql/likes.py``).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from timeline.core.spans import UTC
from timeline.models import Moment
from timeline.models.moment import IS_PUBLIC
from timeline.selectors.moments import attach_tag_names

if TYPE_CHECKING:
    from timeline.models.moment import Viewer

HALF_LIFE = dt.timedelta(days=2)
EPOCH = dt.datetime(2026, 1, 1, tzinfo=UTC)
# A moment with a single like trends for this long; one with a hundred trends two weeks longer.
SINGLE_LIKE_LIFETIME = dt.timedelta(days=14)
PAGE_SIZE = 50


def list_trending(viewer: Viewer, size: int = PAGE_SIZE, *, tags: bool = True) -> list[Moment]:
    """Return the hottest public moments, with their ``like_count`` and, if ``tags``, their ``tag_names``.

    Scans the index of heat: reads ``size`` rows, and those of hotter moments
    that were hidden after they were liked.
    """
    # `visible_to` includes the viewer's own hidden moments, which do not trend.
    moments = (
        Moment.objects.visible_to(viewer)
        .filter(
            IS_PUBLIC, like_tally__heat__gt=compute_heat([timezone.now() - SINGLE_LIKE_LIFETIME])
        )
        .for_cards()
        .annotate(like_count=F("like_tally__likes"))
        .order_by("-like_tally__heat", F("like_tally__moment_id").desc())
    )
    hottest: list[Moment] = list(moments[:size])
    return attach_tag_names(hottest) if tags else hottest


def compute_heat(liked_at: Iterable[dt.datetime]) -> float | None:
    """Return the heat of likes given at these instants, as the database computes it; None without likes."""
    ages = [(instant - EPOCH) / HALF_LIFE for instant in liked_at]
    if not ages:
        return None
    hottest = max(ages)
    return hottest + math.log2(math.fsum(2.0 ** (age - hottest) for age in ages))
