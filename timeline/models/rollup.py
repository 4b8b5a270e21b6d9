"""Stored counts by day, month, year and century, for the zoomed-out views."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RollupDay(models.Model):
    """The counts of one UTC day. Database triggers update them with every write to moments.

    ``moments`` counts the public active moments that start on the day. ``seconds``
    is how much of the day active moments cover, whatever their visibility (that a
    span is taken is public). ``folded_*`` is the part of both that the rows of
    coarser periods already contain. ``dirty`` marks a day with a rest to fold.
    """

    day = models.DateField(primary_key=True)
    moments = models.IntegerField(default=0)
    seconds = models.IntegerField(default=0)
    folded_moments = models.IntegerField(default=0)
    folded_seconds = models.IntegerField(default=0)
    dirty = models.BooleanField(default=True)

    class Meta:
        db_table = "rollup_days"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["day"], name="idx_rollup_days_dirty", condition=models.Q(dirty=True)
            ),
        ]

    def __str__(self) -> str:
        return str(self.day)


class RollupPeriod(models.Model):
    """The sum of the folded parts of the days of a month, a year or a century."""

    class Level(models.TextChoices):
        """The kind of period that a row sums up."""

        MONTH = "month"
        YEAR = "year"
        CENTURY = "century"

    pk = models.CompositePrimaryKey("level", "starts_on")
    level = models.CharField(max_length=7, choices=Level.choices)
    starts_on = models.DateField()
    moments = models.BigIntegerField(default=0)
    seconds = models.BigIntegerField(default=0)

    class Meta:
        db_table = "rollup_periods"

    def __str__(self) -> str:
        return f"{self.level} {self.starts_on}"
