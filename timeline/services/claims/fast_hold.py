"""Hold a span in one round trip to PostgreSQL. ``db/sql/holds.py`` defines the function it calls."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import nullcontext
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from django.db.models.expressions import DatabaseDefault

from timeline.models import Moment, Order
from timeline.services import placement

HOLD_SPAN_SQL = "SELECT hold_span(%s::jsonb, %s::jsonb, %s, %s, %s, %s::integer[], %s)"


def try_fast_hold(moment: Moment, order: Order, *, max_holds: int, duration: dt.timedelta) -> bool:
    """Store a new moment and its new order as a hold. Return whether that succeeded.

    ``max_holds`` is how many spans a person may hold at a time. The hold ends
    ``duration`` from now, by the database's clock.

    Returns False, without writing anything, if the hold was rejected for any
    reason. It may reject a hold that would have succeeded, but never stores one
    that it should not, so the caller then takes the step-by-step path, which is
    authoritative. Always returns False on SQLite, which has no such function.
    Raises TimelineBusy.
    """
    if connection.vendor != "postgresql":
        return False
    arguments: list[Any] = [
        _row_as_json(moment),
        _row_as_json(order),
        max_holds,
        duration,
        *placement.day_lock_keys(moment.span.days),
        placement.LOCK_TIMEOUT,
    ]
    # Inside another transaction, an error of the database must not end that transaction.
    savepoint = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with placement.translate_lock_errors(), savepoint, connection.cursor() as cursor:
            cursor.execute(HOLD_SPAN_SQL, arguments)
            (held_until,) = cursor.fetchone()
    except IntegrityError:
        return False
    if held_until is None:
        return False
    moment.held_until = held_until
    for instance in (moment, order):
        _mark_as_saved(instance)
    return True


def _row_as_json(instance: models.Model) -> str:
    row = {}
    for field in _concrete_fields(instance):
        value = field.pre_save(instance, add=True)
        row[field.column] = field.db_default if isinstance(value, DatabaseDefault) else value
    return json.dumps(row, default=str)


def _mark_as_saved(instance: models.Model) -> None:
    """Change a new instance as ``save`` changes it once its row is stored."""
    for field in _concrete_fields(instance):
        if isinstance(getattr(instance, field.attname), DatabaseDefault):
            setattr(instance, field.attname, field.db_default)
    instance._state.adding, instance._state.db = False, connection.alias  # noqa: SLF001


def _concrete_fields(instance: models.Model) -> Any:
    return instance._meta.concrete_fields  # noqa: SLF001  Django's documented API
