"""What is liked lately.

A moment's *heat* is the base-2 logarithm of a sum over the people who like it:
each like is worth 2^(t / H), where t is when it was given, counted from the
beginning of 2026, and H is a half-life of two days. So a like is worth twice
what one of two days earlier is, and a hundred old ones can outweigh a new one.

As time passes all sums shrink by the same factor, and their order stays. So
heat is stored once, when a like comes or goes, and indexed; nothing is computed
anew, and the top is an index scan however large the table. This is forward
decay: G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A
Practical Time Decay Model for Streaming Systems", ICDE 2009. The logarithm is
there because the sums themselves would leave the range of a double after eleven
years; news sites that rank by logarithm of votes plus time do nearly the same.

Nobody makes a moment trend alone: a person counts once, never for their own
moment, not while their account is younger than a week (``likes.py``), and a like
taken back and given again keeps its first time (``models/like.py``). The
database does the sums (``like_rules.py``).
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
from timeline.selectors import moments as reading

if TYPE_CHECKING:
    from timeline.models.moment import Viewer

HALF_LIFE = dt.timedelta(days=2)
EPOCH = dt.datetime(2026, 1, 1, tzinfo=UTC)
# After so long a single like trends no more; a hundred do for two weeks longer.
MAX_AGE = dt.timedelta(days=14)
PAGE_SIZE = 50


def list_trending(viewer: Viewer, size: int = PAGE_SIZE, *, tags: bool = True) -> list[Moment]:
    """Return the hottest public moments, with their owners, ``like_count`` and, if wanted, ``tag_names``.

    Walks along the index of heat: reads ``size`` rows, and those of moments
    above them that have been hidden since they were liked.
    """
    # A viewer's own hidden ones are not trending, so what all see is asked for besides.
    moments = (
        Moment.objects.visible_to(viewer)
        .filter(IS_PUBLIC, like_tally__heat__gt=compute_heat([timezone.now() - MAX_AGE]))
        .for_cards()
        .annotate(like_count=F("like_tally__likes"))
        .order_by("-like_tally__heat", F("like_tally__moment_id").desc())
    )
    hottest: list[Moment] = list(moments[:size])
    return reading.attach_tag_names(hottest) if tags else hottest


def compute_heat(liked_at: Iterable[dt.datetime]) -> float | None:
    """Return the heat of likes given at some instants, as the database stores it; None for none."""
    ages = [(instant - EPOCH) / HALF_LIFE for instant in liked_at]
    if not ages:
        return None
    hottest = max(ages)
    return hottest + math.log2(math.fsum(2.0 ** (age - hottest) for age in ages))
