"""Hold a span for a while: begin, extend, give back, close what has expired.

A claim is a moment that is HELD or PAYING, together with its order. Everybody
takes locks in the same order: the person, the order, the days, the moment. So
no two transactions wait for each other in a ring.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from momentverse.db.functions import now_plus
from timeline.core.exceptions import ClaimRefused, SpanTaken, TransitionRefused
from timeline.core.spans import Span
from timeline.models import Moment, Order, OrderStatus, Status
from timeline.selectors.availability import find_conflict
from timeline.selectors.claims import list_open_claims
from timeline.services import transitions
from timeline.services.claims.fast_hold import try_fast_hold
from timeline.services.claims.orders import build_order, close_order
from timeline.services.placement import lock_spans, release_expired_holds, retry_on_conflict

MAX_HOLDS = 3
HOLD_EXPIRED_MESSAGE = "The time to finish this claim is over, and the span is free again."


@retry_on_conflict
def hold(user: User, span: Span, *, time_zone: str = "UTC") -> Moment:
    """Hold a free span for a person and freeze its price. Return the moment with its order.

    If the person has an open claim of exactly this span, that claim is returned
    unchanged, so sending a form twice does nothing more. Raises SpanTaken,
    TimelineBusy, and ClaimRefused when the person holds ``MAX_HOLDS`` spans
    already or their account is about to be deleted.
    """
    moment = Moment(user=user, starts_at=span.starts_at, ends_at=span.ends_at, time_zone=time_zone)
    moment.record_utc_offset()
    order = build_order(moment)
    duration = dt.timedelta(seconds=settings.HOLD_SECONDS)
    if try_fast_hold(moment, order, max_holds=MAX_HOLDS, duration=duration):
        return moment
    # The fast path gives no reason when it rejects a hold. The steps below find one, or succeed.
    conflict = find_conflict(span)
    if conflict and conflict.user_id != user.pk:
        raise SpanTaken  # before any lock: of many people after one span, the losers need not wait
    with transaction.atomic():
        owner, now = _lock_user(user)
        require_open_account(owner)
        claims = list_open_claims(user)
        for claim in claims:
            if claim.span == span:
                return claim
        if len(claims) >= MAX_HOLDS:
            raise ClaimRefused(
                f"You hold {len(claims)} spans, which is the most at a time."
                " Finish one, or give one back."
            )
        moment.held_until = now + duration
        # Without a savepoint: this saves two round trips, and an error ends this transaction anyway.
        with lock_spans([span], affects_pages=False, savepoint=False):
            moment.save(force_insert=True)
        order.save(force_insert=True)
    return moment


def _lock_user(user: User) -> tuple[User, dt.datetime]:
    """Lock a person against other claims and against erasure, and return them with the time.

    The time is the database's, by which holds end; it comes with the same
    query. Rows that refer to the person can still be written (NO KEY UPDATE).
    """
    users = User.objects.select_for_update(no_key=True).only("is_active", "erase_after")
    locked = users.annotate(database_now=Now()).get(pk=user.pk)
    return locked, locked.database_now


def require_open_account(user: User) -> None:
    """Raise ClaimRefused if the account is closed or about to be deleted."""
    if user.erase_after:
        raise ClaimRefused("Your account is about to be deleted. Keep it first, then claim.")
    if not user.is_active:
        raise ClaimRefused("This account is closed.")


@retry_on_conflict
def extend(moment: Moment) -> None:
    """Restart the time of a hold, at most ``HOLD_EXTENSIONS`` times. Raises ClaimRefused, TimelineBusy."""
    with locked_hold(moment) as (order, held):
        if order.extensions >= settings.HOLD_EXTENSIONS:
            raise ClaimRefused("This hold has been extended as often as it can be.")
        duration = dt.timedelta(seconds=settings.HOLD_SECONDS)
        Moment.objects.filter(pk=held.pk).update(held_until=now_plus(duration))
        Order.objects.filter(pk=order.pk).update(extensions=order.extensions + 1)
    moment.refresh_from_db(fields=["held_until"])


@retry_on_conflict
def give_back(moment: Moment) -> None:
    """Release a held span and close its order. Raises ClaimRefused when it is not held, TimelineBusy.

    While it is being paid for, it is given back by cancelling the payment instead.
    """
    with locked_hold(moment) as (order, held):
        transitions.release(held, "given back")
        close_order(order, "given back")
    moment.refresh_from_db(fields=["status"])


@contextmanager
def locked_hold(moment: Moment) -> Iterator[tuple[Order, Moment]]:
    """Open a transaction that may change a hold; yield its order and its moment, both locked.

    Raises ClaimRefused if the hold is over or ends within the block, and
    TimelineBusy. Use it in a function with ``@retry_on_conflict``.
    """
    try:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(moment=moment)
            with lock_spans([moment.span], affects_pages=False):
                # If the hold has expired, `lock_spans` has released it.
                held = lock_moment(moment)
                if held.status != Status.HELD:
                    raise ClaimRefused(_not_held_message(held))
                yield order, held
    except TransitionRefused as error:
        raise ClaimRefused(str(error)) from error


def lock_moment(moment: Moment) -> Moment:
    """Return the stored moment, locked; rows that refer to it can still be written (NO KEY UPDATE)."""
    return Moment.objects.select_for_update(no_key=True).get(pk=moment.pk)


def _not_held_message(moment: Moment) -> str:
    if moment.status == Status.PAYING:
        return "This moment is being paid for."
    if moment.status == Status.ACTIVE:
        return "This moment is yours already."
    return HOLD_EXPIRED_MESSAGE


def close_expired_holds(limit: int = 1000) -> int:
    """Release expired holds and close their orders. Return how many holds.

    This only tidies up: the span of an expired hold is free at once, and the
    next person who claims it releases the hold. Takes at most ``limit`` holds
    and ``limit`` orders. Two runs at the same time do not disturb each other.
    """
    expired = list(Moment.objects.expired_holds().order_by("held_until")[:limit])
    for moment in expired:
        release_expired_holds([moment.span])
    unpaid = Order.objects.filter(
        status=OrderStatus.OPEN, moment__status=Status.RELEASED, checkouts=None
    )
    for pk in list(unpaid.order_by("created_at").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            order = Order.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if order and order.moment.status == Status.RELEASED:
                close_order(order, "not paid in time")
    return len(expired)
