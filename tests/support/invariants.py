"""What holds after every fault, however claims, payments, refunds and failures interleave."""

from __future__ import annotations

from collections import Counter

from django.core import mail

from timeline.core.spans import MAX_DURATION
from timeline.models import (
    UNSETTLED,
    Checkout,
    CheckoutState,
    Moment,
    Order,
    OrderEmail,
    OrderStatus,
    PaymentEvent,
    Refund,
    Status,
)


def no_two_live_moments_overlap() -> None:
    live = list(
        Moment.objects.occupying().order_by("starts_at").values_list("starts_at", "ends_at")
    )
    for (_, ends), (starts, _) in zip(live, live[1:], strict=False):
        assert ends <= starts, (ends, starts)
    assert all(end - start <= MAX_DURATION for start, end in live)


def every_cent_is_earned_or_goes_back() -> None:
    """Of each captured payment: an active moment of its own order, or a refund; never both."""
    for order in Order.objects.select_related("moment"):
        paid = list(order.checkouts.filter(state=CheckoutState.PAID, captured__gt=0))
        kept = [one for one in paid if not Refund.objects.filter(checkout=one).exists()]
        told = f"{order} {order.status} {order.moment.status}: {paid} kept {kept}"
        if order.status in (OrderStatus.PAID, OrderStatus.DISPUTED):
            assert order.moment.status == Status.ACTIVE, told
            assert len(kept) == (1 if order.amount else 0), told
        elif order.status == OrderStatus.CHARGED_BACK:
            assert order.moment.status == Status.REVOKED, told
            assert len(kept) <= 1, told
        else:
            assert kept == [], told
            assert order.moment.status != Status.ACTIVE, told


def a_refund_is_what_was_captured() -> None:
    for refund in Refund.objects.select_related("checkout"):
        assert refund.amount == refund.checkout.captured, refund
        assert refund.currency == refund.checkout.captured_currency, refund


def an_order_says_what_its_refunds_say() -> None:
    for order in Order.objects.filter(status__in=[OrderStatus.REFUNDING, OrderStatus.REFUNDED]):
        states = set(Refund.objects.filter(checkout__order=order).values_list("state", flat=True))
        if order.status == OrderStatus.REFUNDING:
            assert Refund.State.PENDING in states, order
        else:
            assert Refund.State.PENDING not in states, order


def at_most_one_payment_is_open() -> None:
    open_ones = Counter(
        Checkout.objects.filter(state__in=UNSETTLED).values_list("order", flat=True)
    )
    assert all(number == 1 for number in open_ones.values()), open_ones


def at_most_one_mail_a_fact() -> None:
    pairs = Counter(OrderEmail.objects.values_list("order", "kind"))
    assert all(number == 1 for number in pairs.values()), pairs
    sent = Counter((tuple(message.to), message.subject) for message in getattr(mail, "outbox", []))
    assert all(number == 1 for number in sent.values()), sent


def every_event_is_applied_or_visibly_waiting() -> None:
    for event in PaymentEvent.objects.filter(applied_at=None):
        assert event.outcome or not event.attempts, event


def check() -> None:
    """All that holds at any time."""
    no_two_live_moments_overlap()
    every_cent_is_earned_or_goes_back()
    a_refund_is_what_was_captured()
    an_order_says_what_its_refunds_say()
    at_most_one_payment_is_open()
    at_most_one_mail_a_fact()
    every_event_is_applied_or_visibly_waiting()


def check_settled() -> None:
    """What holds besides, once the providers answer and the reconciler has run."""
    check()
    assert not Refund.objects.filter(state=Refund.State.PENDING).exists()
    assert not Order.objects.filter(status=OrderStatus.REFUNDING).exists()
    assert not PaymentEvent.objects.filter(applied_at=None).exists()
    assert not Checkout.objects.filter(
        state__in=[CheckoutState.INTENDED, CheckoutState.ABANDONED]
    ).exists()
