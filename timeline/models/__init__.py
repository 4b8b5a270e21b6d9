"""The timeline's models, one or one family a file."""

from timeline.models.moment import Moment, MomentQuerySet, Status, Visibility
from timeline.models.rollup import RollupDay, RollupPeriod
from timeline.models.tag import MomentTag, Tag

__all__ = [
    "Moment",
    "MomentQuerySet",
    "MomentTag",
    "RollupDay",
    "RollupPeriod",
    "Status",
    "Tag",
    "Visibility",
]
