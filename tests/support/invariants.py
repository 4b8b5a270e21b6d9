"""Invariants that hold after every fault, however claims, payments, refunds and failures interleave."""

from __future__ import annotations

from collections import Counter

from django.core import mail
from django.db.models import Model

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


def assert_no_overlap() -> None:
    spans = list(
        Moment.objects.occupying().order_by("starts_at").values_list("starts_at", "ends_at")
    )
    for (_, ends), (starts, _) in zip(spans, spans[1:], strict=False):
        assert ends <= starts, (ends, starts)
    assert all(end - start <= MAX_DURATION for start, end in spans)


def assert_money_is_earned_or_refunded() -> None:
    """Each captured payment has an active moment of its own order or a refund, never both."""
    for order in Order.objects.select_related("moment"):
        paid = list(order.checkouts.filter(state=CheckoutState.PAID, captured__gt=0))
        not_refunded = [one for one in paid if not Refund.objects.filter(checkout=one).exists()]
        state = f"{order} {order.status} {order.moment.status}: {paid} not refunded {not_refunded}"
        if order.status in (OrderStatus.PAID, OrderStatus.DISPUTED):
            assert order.moment.status == Status.ACTIVE, state
            assert len(not_refunded) == (1 if order.amount else 0), state
        elif order.status == OrderStatus.CHARGED_BACK:
            assert order.moment.status == Status.REVOKED, state
            assert len(not_refunded) <= 1, state
        else:
            assert not_refunded == [], state
            assert order.moment.status != Status.ACTIVE, state


def assert_refunds_are_complete() -> None:
    for refund in Refund.objects.select_related("checkout"):
        assert refund.amount == refund.checkout.captured, refund
        assert refund.currency == refund.checkout.captured_currency, refund


def assert_orders_match_refunds() -> None:
    for order in Order.objects.filter(status__in=[OrderStatus.REFUNDING, OrderStatus.REFUNDED]):
        states = set(Refund.objects.filter(checkout__order=order).values_list("state", flat=True))
        if order.status == OrderStatus.REFUNDING:
            assert Refund.State.PENDING in states, order
        else:
            assert Refund.State.PENDING not in states, order


def assert_one_open_payment_per_order() -> None:
    per_order = Counter(
        Checkout.objects.filter(state__in=UNSETTLED).values_list("order", flat=True)
    )
    assert all(number == 1 for number in per_order.values()), per_order


def assert_no_duplicate_emails() -> None:
    pairs = Counter(OrderEmail.objects.values_list("order", "kind"))
    assert all(number == 1 for number in pairs.values()), pairs
    sent = Counter((tuple(message.to), message.subject) for message in getattr(mail, "outbox", []))
    assert all(number == 1 for number in sent.values()), sent


def assert_pending_events_have_an_outcome() -> None:
    for event in PaymentEvent.objects.filter(applied_at=None):
        assert event.outcome or not event.attempts, event


def list_unsettled() -> list[Model]:
    """Return everything that the reconciler still has to settle."""
    unfinished = [CheckoutState.INTENDED, CheckoutState.ABANDONED]
    return [
        *Refund.objects.filter(state=Refund.State.PENDING),
        *Order.objects.filter(status=OrderStatus.REFUNDING),
        *PaymentEvent.objects.filter(applied_at=None),
        *Checkout.objects.filter(state__in=unfinished),
    ]


def check() -> None:
    """Check the invariants that hold at any time."""
    assert_no_overlap()
    assert_money_is_earned_or_refunded()
    assert_refunds_are_complete()
    assert_orders_match_refunds()
    assert_one_open_payment_per_order()
    assert_no_duplicate_emails()
    assert_pending_events_have_an_outcome()


def check_settled() -> None:
    """Check also what holds once the provider responds and the reconciler has run."""
    check()
    unsettled = list_unsettled()
    assert not unsettled, unsettled
