"""Database expressions that every app uses."""

from __future__ import annotations

import datetime as dt

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now


def now_plus(duration: dt.timedelta) -> ExpressionWrapper:
    """Return the instant ``duration`` from now, by the database's clock. A negative one is in the past."""
    return ExpressionWrapper(Now() + duration, output_field=DateTimeField())
