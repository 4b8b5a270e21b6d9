"""Asks PostgreSQL to hold a span in one round trip. ``hold_rules.py`` has the function."""

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


def try_fast_hold(moment: Moment, order: Order, *, most: int, length: dt.timedelta) -> bool:
    """Store a moment and its order, both new, if nothing stands in the way; tell whether that is done.

    ``most``: how many spans a person may hold. The hold ends ``length`` from now, by
    the database's clock. False says nothing about what is in the way, and nothing
    has been written. Raises TimelineBusy. False for SQLite, which has no such function.
    """
    if connection.vendor != "postgresql":
        return False
    arguments: list[Any] = [
        _row_as_json(moment), _row_as_json(order), most, length, *placement.day_lock_keys(moment.span.days), placement.LOCK_TIMEOUT
    ]  # fmt: skip
    # Inside of another transaction a refusal by the database must not end that one.
    nested = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with placement.translate_lock_errors(), nested, connection.cursor() as cursor:
            cursor.execute(HOLD_SPAN_SQL, arguments)
            (held_until,) = cursor.fetchone()
    except IntegrityError:
        return False
    if held_until is None:
        return False
    moment.held_until = held_until
    for stored in (moment, order):
        _mark_as_saved(stored)
    return True


def _row_as_json(instance: models.Model) -> str:
    row = {}
    for field in _concrete_fields(instance):
        value = field.pre_save(instance, add=True)
        row[field.column] = field.db_default if isinstance(value, DatabaseDefault) else value
    return json.dumps(row, default=str)


def _mark_as_saved(instance: models.Model) -> None:
    """Make of a new instance what ``save`` makes of it."""
    for field in _concrete_fields(instance):
        if isinstance(getattr(instance, field.attname), DatabaseDefault):
            setattr(instance, field.attname, field.db_default)
    instance._state.adding, instance._state.db = False, connection.alias  # noqa: SLF001


def _concrete_fields(instance: models.Model) -> Any:
    return instance._meta.concrete_fields  # noqa: SLF001  Django's documented API
