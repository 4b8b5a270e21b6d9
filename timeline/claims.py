"""Claiming a span: chosen, held for a while, described, paid for, owned.

A claim is a moment that is HELD or PAYING, and its order. Locks are taken in
one order by everybody: the person, the order, the days, the moment. So no two
transactions wait for each other in a ring.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, Q
from django.db.models.functions import Now
from django.dispatch import Signal

from accounts.models import User
from timeline import lifecycle, overlap
from timeline.errors import ClaimRefused, SpanTaken, TransitionRefused
from timeline.hold_at_once import hold_at_once
from timeline.models import (
    Moment,
    MomentRevision,
    Order,
    OrderEntry,
    OrderStatus,
    Status,
    Visibility,
)
from timeline.pricing import Tariff, price_of
from timeline.spans import Span
from timeline.tagging import put_tags, tag_names, tags_named

MAX_HELD = 3
# Each is a conversation with a provider, which a person waits for; the rest is the worker's.
MAX_ASKED_AFTER = 3
# Sent with ``moment`` outside of any transaction: it is being paid for, and its time to pay is over.
# Who takes the payments asks the provider, and the span may be free afterwards.
payment_overdue = Signal()

FROZEN_WORDS = "The payment of this moment is disputed; until that is over it stays as it is."
LAPSED_WORDS = "The time to finish this claim is over, and the span is free again."
Result = TypeVar("Result")


@dataclass(frozen=True)
class Availability:
    """Whether a span is free; ``free_at`` is set while a part of it is being paid for."""

    free: bool
    free_at: dt.datetime | None = None


@dataclass(frozen=True)
class Words:
    """What a person says of their moment, as they wrote it."""

    title: str
    story: str = ""
    place: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = Visibility.PUBLIC


def availability(span: Span) -> Availability:
    """Tell whether ``span`` is free now. Somebody else may be faster afterwards."""
    holder = overlap.holder_of(span)
    if holder is None:
        return Availability(free=True)
    return Availability(
        free=False, free_at=holder.held_until if holder.status == Status.PAYING else None
    )


def hold(user: User, span: Span, *, time_zone: str = "UTC") -> Moment:
    """Hold a free span for its person and freeze its price; return the moment with its order.

    The person's own live claim of the same span is returned as it is, so that
    sending a form twice changes nothing. Raises SpanTaken, TimelineBusy, and
    ClaimRefused when the person holds enough already or is about to leave.
    """
    try:
        return overlap.retrying(lambda: _hold(user, span, time_zone))
    except SpanTaken:
        overdue = _overdue_payments(span)
        if not overdue:
            raise
        for moment in overdue:
            payment_overdue.send(Moment, moment=moment)
        return overlap.retrying(lambda: _hold(user, span, time_zone))


def _hold(user: User, span: Span, time_zone: str) -> Moment:
    moment = Moment(user=user, starts_at=span.starts_at, ends_at=span.ends_at, time_zone=time_zone)
    moment.note_zone()
    order = _new_order(moment)
    length = dt.timedelta(seconds=settings.HOLD_SECONDS)
    if hold_at_once(moment, order, most=MAX_HELD, length=length):
        return moment
    holder = overlap.holder_of(span)
    if holder and holder.user_id != user.pk:
        raise SpanTaken  # the many who lose a race need no lock to be told
    with transaction.atomic():
        person = _locked_person(user)
        _refuse_leaver(person)
        claims = open_claims(user)
        for claim in claims:
            if (claim.starts_at, claim.ends_at) == (span.starts_at, span.ends_at):
                return claim
        if len(claims) >= MAX_HELD:
            raise ClaimRefused(
                f"You hold {len(claims)} spans, which is the most at a time."
                " Finish one, or give one back."
            )
        moment.held_until = person.database_now + length
        with overlap.placing([span], shown=False, savepoint=False):  # two round trips less
            moment.save(force_insert=True)
        order.save(force_insert=True)
    return moment


def _locked_person(user: User) -> Any:
    """Lock a person against claims and erasure at once; what refers to them need not wait.

    With ``database_now``: the database's clock, by which holds end, without another question.
    """
    people = User.objects.select_for_update(no_key=True).only("is_active", "erase_after")
    return people.annotate(database_now=Now()).get(pk=user.pk)


def _refuse_leaver(user: User) -> None:
    if user.erase_after:
        raise ClaimRefused("Your account is about to be deleted. Keep it first, then claim.")
    if not user.is_active:
        raise ClaimRefused("This account is closed.")


def _hold_ends() -> ExpressionWrapper:
    length = dt.timedelta(seconds=settings.HOLD_SECONDS)
    return ExpressionWrapper(Now() + length, output_field=DateTimeField())


def _new_order(moment: Moment) -> Order:
    tariff = Tariff.current()
    order = Order(
        user=moment.user, moment=moment, currency=tariff.currency, tariff=tariff.as_data()
    )
    _reprice(order, moment)
    return order


def _reprice(order: Order, moment: Moment) -> None:
    price = price_of(moment.span, moment.visibility, Tariff.kept(order.tariff))
    order.amount = price.amount
    order.lines = [{"name": line.name, "amount": line.amount} for line in price.lines]


def _overdue_payments(span: Span) -> list[Moment]:
    """Return moments that hold a part of ``span`` though their time to pay is over, the oldest first."""
    paying = Moment.objects.filter(status=Status.PAYING, held_until__lte=Now())
    overdue = paying.touching(span.starts_at, span.ends_at).order_by("held_until", "starts_at")
    return list(overdue[:MAX_ASKED_AFTER])


def not_lapsed() -> Q:
    """Return the condition that a claim is open: held within its time, or being paid for."""
    return Q(status=Status.PAYING) | Q(status=Status.HELD, held_until__gt=Now())


def open_claims(user: User) -> list[Moment]:
    """Return what a person holds or pays for, with the orders, in order of time; at most a few."""
    claims = Moment.objects.filter(not_lapsed(), user=user, order__isnull=False)
    return list(claims.select_related("order").order_by("starts_at"))


def claim_of(user: User, pk: int) -> Moment | None:
    """Return a person's own claim, in whatever state, with order and tags."""
    claims = Moment.objects.filter(user=user, pk=pk, order__isnull=False)
    claim: Moment | None = claims.select_related("order").prefetch_related("tags").first()
    return claim


def extend(moment: Moment) -> None:
    """Begin the time of a hold anew, a limited number of times. Raises ClaimRefused."""

    def change(order: Order, held: Moment) -> None:
        if order.extensions >= settings.HOLD_EXTENSIONS:
            raise ClaimRefused("This hold has been extended as often as it can be.")
        Moment.objects.filter(pk=held.pk).update(held_until=_hold_ends())
        Order.objects.filter(pk=order.pk).update(extensions=order.extensions + 1)

    while_held(moment, change)
    moment.refresh_from_db(fields=["held_until"])


def give_back(moment: Moment) -> None:
    """Free a held span. Raises ClaimRefused when it is not held any more.

    One that is being paid for is given back by closing the payment first.
    """

    def change(order: Order, held: Moment) -> None:
        lifecycle.release(held, "given back")
        close(order, "given back")

    while_held(moment, change)
    moment.refresh_from_db(fields=["status"])


def describe(moment: Moment, words: Words) -> None:
    """Keep what a person says of a span that they hold, and its price.

    Raises ClaimRefused when the hold is over, ValidationError or TagRefused
    when the words cannot be kept.
    """

    def change(order: Order, held: Moment) -> None:
        _put_words(held, words)
        _reprice(order, held)
        order.save(update_fields=["amount", "lines"])

    while_held(moment, change)


def edit(moment: Moment, words: Words) -> None:
    """Change what an active moment says; what it said before is kept. Its time never changes.

    Raises ClaimRefused while its payment is disputed or when it is not active
    any more, ValidationError or TagRefused when the words cannot be kept, and
    TimelineBusy.
    """

    def run() -> None:
        with transaction.atomic():
            order = Order.objects.select_for_update().filter(moment=moment).first()
            if order and order.status == OrderStatus.DISPUTED:
                raise ClaimRefused(FROZEN_WORDS)
            with overlap.placing([moment.span]):
                active = _locked(moment)
                if active.status != Status.ACTIVE:
                    raise ClaimRefused("This moment is not on the timeline any more.")
                _keep_revision(active)
                _put_words(active, words)

    overlap.retrying(run)


def while_held(moment: Moment, change: Callable[[Order, Moment], Result]) -> Result:
    """Change a hold that is not over, with its order locked; return what ``change`` does.

    Raises ClaimRefused when it is over, and TimelineBusy.
    """

    def run() -> Result:
        with transaction.atomic():
            order = Order.objects.select_for_update().get(moment=moment)
            with overlap.placing([moment.span], shown=False):
                # A lapsed hold has been released on the way in.
                held = _locked(moment)
                if held.status != Status.HELD:
                    raise ClaimRefused(_why_not_held(held))
                return change(order, held)

    try:
        return overlap.retrying(run)
    except TransitionRefused as error:
        raise ClaimRefused(str(error)) from error


def _why_not_held(moment: Moment) -> str:
    if moment.status == Status.PAYING:
        return "This moment is being paid for."
    if moment.status == Status.ACTIVE:
        return "This moment is yours already."
    return LAPSED_WORDS


def _locked(moment: Moment) -> Moment:
    locked: Moment = Moment.objects.select_for_update(no_key=True).get(pk=moment.pk)
    return locked


def _put_words(moment: Moment, words: Words) -> None:
    names = tag_names(words.tags)
    moment.title, moment.story, moment.place = words.title, words.story, words.place
    if not moment.hidden_at:  # by staff, and then who sees it is not its owner's choice
        moment.visibility = words.visibility
    moment.full_clean(validate_unique=False, validate_constraints=False)
    overlap.place(moment)
    put_tags(moment, tags_named(set(names)).values(), replace=True)


def _keep_revision(moment: Moment) -> None:
    MomentRevision.objects.create(
        moment=moment,
        title=moment.title,
        story=moment.story,
        place=moment.place,
        visibility=moment.visibility,
        tags=" ".join(tag.name for tag in moment.tags.all()),
    )


def close(order: Order, why: str) -> None:
    """End an order that nobody has paid; part of the caller's transaction."""
    closed = Order.objects.filter(pk=order.pk, status=OrderStatus.OPEN).update(
        status=OrderStatus.CLOSED, status_changed_at=Now()
    )
    if closed:
        note(order, f"closed: {why}")


def note(order: Order, what: str, actor: User | None = None) -> None:
    """Write a line into an order's log; part of the caller's transaction."""
    OrderEntry.objects.create(order=order, what=what[:200], actor=actor)


def claim_free(moment: Moment) -> None:
    """Give a held span whose price is nothing to its person, once. Raises ClaimRefused."""

    def change(order: Order, held: Moment) -> None:
        if order.amount:
            raise ClaimRefused("This moment has a price.")
        refuse_unready(held)
        fulfil(order, held)

    while_held(moment, change)
    moment.refresh_from_db(fields=["status", "held_until"])


def refuse_unready(held: Moment) -> None:
    """Refuse a hold that cannot be paid for yet. Raises ClaimRefused."""
    if not held.title:
        raise ClaimRefused("Give the moment a title first.")
    _refuse_leaver(held.user)


def fulfil(order: Order, moment: Moment) -> bool:
    """Make a paid moment its person's, if its span is theirs or still free; return whether it was.

    Part of the caller's transaction, which has the order locked. A span that
    was released meanwhile is taken again, unless somebody else has it or its
    person has left.
    """
    try:
        with overlap.placing([moment.span], shown=False):
            # Looked at now that the days are locked: an erasure is over, or has not begun.
            _refuse_leaver_for_good(order)
            lifecycle.activate(moment)
    except (SpanTaken, TransitionRefused, ClaimRefused):
        return False
    Order.objects.filter(pk=order.pk).update(
        status=OrderStatus.PAID, status_changed_at=Now(), paid_at=Now()
    )
    note(
        order, "paid; the moment is on the timeline" if order.amount else "claimed, free of charge"
    )
    return True


def _refuse_leaver_for_good(order: Order) -> None:
    leaving = Q(is_active=False) | Q(erase_after__lte=Now())
    if User.objects.filter(leaving, pk=order.user_id).exists():
        raise ClaimRefused("This account is closed.")


def sweep(limit: int = 1000) -> int:
    """Release holds whose time is over and close their orders; return how many holds.

    Only hygiene: a lapsed hold is free at once. At most ``limit`` a call; two
    at once do not get in each other's way.
    """
    lapsed = Moment.objects.filter(status=Status.HELD, held_until__lte=Now())
    swept = 0
    for moment in lapsed.order_by("held_until")[:limit]:
        with overlap.placing([moment.span], shown=False):
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
