"""Claiming a span: chosen, held for a while, described, paid for, owned.

A claim is a moment that is HELD or PAYING, and its order. Locks are taken in
one order by everybody: the person, the order, the days, the moment. So no two
transactions wait for each other in a ring.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now
from django.dispatch import Signal

from accounts.models import User
from timeline.core.exceptions import ClaimRefused, SpanTaken, TransitionRefused
from timeline.core.spans import Span
from timeline.models import (
    Moment,
    Order,
    OrderStatus,
    Status,
)
from timeline.selectors.availability import find_conflict
from timeline.selectors.claims import list_open_claims
from timeline.services import placement, transitions
from timeline.services.claims.fast_hold import try_fast_hold
from timeline.services.claims.orders import build_order, close

MAX_HOLDS = 3
# Each is a conversation with a provider, which a person waits for; the rest is the worker's.
MAX_ASKED_AFTER = 3
# Sent with ``moment`` outside of any transaction: it is being paid for, and its time to pay is over.
# Who takes the payments asks the provider, and the span may be free afterwards.
payment_overdue = Signal()

HOLD_EXPIRED_MESSAGE = "The time to finish this claim is over, and the span is free again."
Result = TypeVar("Result")


def hold(user: User, span: Span, *, time_zone: str = "UTC") -> Moment:
    """Hold a free span for its person and freeze its price; return the moment with its order.

    The person's own live claim of the same span is returned as it is, so that
    sending a form twice changes nothing. Raises SpanTaken, TimelineBusy, and
    ClaimRefused when the person holds enough already or is about to leave.
    """
    try:
        return placement.retrying(lambda: _hold(user, span, time_zone))
    except SpanTaken:
        overdue = _overdue_payments(span)
        if not overdue:
            raise
        for moment in overdue:
            payment_overdue.send(Moment, moment=moment)
        return placement.retrying(lambda: _hold(user, span, time_zone))


def _hold(user: User, span: Span, time_zone: str) -> Moment:
    moment = Moment(user=user, starts_at=span.starts_at, ends_at=span.ends_at, time_zone=time_zone)
    moment.record_utc_offset()
    order = build_order(moment)
    length = dt.timedelta(seconds=settings.HOLD_SECONDS)
    if try_fast_hold(moment, order, most=MAX_HOLDS, length=length):
        return moment
    holder = find_conflict(span)
    if holder and holder.user_id != user.pk:
        raise SpanTaken  # the many who lose a race need no lock to be told
    with transaction.atomic():
        person = _lock_user(user)
        require_open_account(person)
        claims = list_open_claims(user)
        for claim in claims:
            if (claim.starts_at, claim.ends_at) == (span.starts_at, span.ends_at):
                return claim
        if len(claims) >= MAX_HOLDS:
            raise ClaimRefused(
                f"You hold {len(claims)} spans, which is the most at a time."
                " Finish one, or give one back."
            )
        moment.held_until = person.database_now + length
        with placement.lock_spans([span], shown=False, savepoint=False):  # two round trips less
            moment.save(force_insert=True)
        order.save(force_insert=True)
    return moment


def _lock_user(user: User) -> Any:
    """Lock a person against claims and erasure at once; what refers to them need not wait.

    With ``database_now``: the database's clock, by which holds end, without another question.
    """
    people = User.objects.select_for_update(no_key=True).only("is_active", "erase_after")
    return people.annotate(database_now=Now()).get(pk=user.pk)


def require_open_account(user: User) -> None:
    if user.erase_after:
        raise ClaimRefused("Your account is about to be deleted. Keep it first, then claim.")
    if not user.is_active:
        raise ClaimRefused("This account is closed.")


def _hold_ends() -> ExpressionWrapper:
    length = dt.timedelta(seconds=settings.HOLD_SECONDS)
    return ExpressionWrapper(Now() + length, output_field=DateTimeField())


def _overdue_payments(span: Span) -> list[Moment]:
    """Return moments that hold a part of ``span`` though their time to pay is over, the oldest first."""
    paying = Moment.objects.filter(status=Status.PAYING, held_until__lte=Now())
    overdue = paying.overlapping(span.starts_at, span.ends_at).order_by("held_until", "starts_at")
    return list(overdue[:MAX_ASKED_AFTER])


def extend(moment: Moment) -> None:
    """Begin the time of a hold anew, a limited number of times. Raises ClaimRefused."""

    def change(order: Order, held: Moment) -> None:
        if order.extensions >= settings.HOLD_EXTENSIONS:
            raise ClaimRefused("This hold has been extended as often as it can be.")
        Moment.objects.filter(pk=held.pk).update(held_until=_hold_ends())
        Order.objects.filter(pk=order.pk).update(extensions=order.extensions + 1)

    locked_hold(moment, change)
    moment.refresh_from_db(fields=["held_until"])


def give_back(moment: Moment) -> None:
    """Free a held span. Raises ClaimRefused when it is not held any more.

    One that is being paid for is given back by closing the payment first.
    """

    def change(order: Order, held: Moment) -> None:
        transitions.release(held, "given back")
        close(order, "given back")

    locked_hold(moment, change)
    moment.refresh_from_db(fields=["status"])


def locked_hold(moment: Moment, change: Callable[[Order, Moment], Result]) -> Result:
    """Change a hold that is not over, with its order locked; return what ``change`` does.

    Raises ClaimRefused when it is over, and TimelineBusy.
    """

    def run() -> Result:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(moment=moment)
            with placement.lock_spans([moment.span], shown=False):
                # A lapsed hold has been released on the way in.
                held = lock_moment(moment)
                if held.status != Status.HELD:
                    raise ClaimRefused(_not_held_message(held))
                return change(order, held)

    try:
        return placement.retrying(run)
    except TransitionRefused as error:
        raise ClaimRefused(str(error)) from error


def _not_held_message(moment: Moment) -> str:
    if moment.status == Status.PAYING:
        return "This moment is being paid for."
    if moment.status == Status.ACTIVE:
        return "This moment is yours already."
    return HOLD_EXPIRED_MESSAGE


def lock_moment(moment: Moment) -> Moment:
    locked: Moment = Moment.objects.select_for_update(no_key=True).get(pk=moment.pk)
    return locked


def close_expired_holds(limit: int = 1000) -> int:
    """Release holds whose time is over and close their orders; return how many holds.

    Only hygiene: a lapsed hold is free at once. At most ``limit`` a call; two
    at once do not get in each other's way.
    """
    lapsed = Moment.objects.filter(status=Status.HELD, held_until__lte=Now())
    swept = 0
    for moment in lapsed.order_by("held_until")[:limit]:
        with placement.lock_spans([moment.span], shown=False):
            pass  # lapsed holds are released on the way in
        swept += 1
    over = Order.objects.filter(
        status=OrderStatus.OPEN, moment__status=Status.RELEASED, checkouts=None
    )
    for pk in list(over.order_by("created_at").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            order = Order.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if order and order.moment.status == Status.RELEASED:
                close(order, "not paid in time")
    return swept
