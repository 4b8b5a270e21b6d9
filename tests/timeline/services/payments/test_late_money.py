"""Money that comes when the span's time is over, or somebody else has it, or its person has left."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from tests.support import invariants
from tests.support.claims import let_time_pass
from timeline.core.exceptions import SpanTaken
from timeline.models import Order, OrderStatus, Refund, Status
from timeline.services import transitions
from timeline.services.payments.holds import hold_or_expire

OWNED = (Status.ACTIVE, OrderStatus.PAID)


@pytest.mark.parametrize("seconds", [-1, 1])
def test_paid_at_the_holds_end(shop, claim, rival, seconds):
    """Fault 16: a second before and after: nobody takes it while Stripe may have been paid."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    left = moment.held_until - timezone.now() + dt.timedelta(hours=1)
    shop.double.pay(session)
    let_time_pass(moment, seconds=left.total_seconds() + seconds)
    # The next claimer's question finds the payment.
    with pytest.raises(SpanTaken):
        hold_or_expire(rival, moment.span)
    call_command("release_expired_holds")
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == OWNED


def test_the_next_claimer_gets_what_was_not_paid_in_time(shop, claim, rival):
    """Edge case 9: the session is closed at Stripe, and only then the span is another's."""
    moment = claim("1969-07-20")
    shop.go_to_the_till(moment)
    let_time_pass(moment)
    other = hold_or_expire(rival, moment.span)
    assert shop.double.open_sessions() == []
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.state(other) == (Status.HELD, OrderStatus.OPEN)


def test_stripe_is_away_when_the_next_claimer_asks(shop, claim, rival):
    """Edge case 9: never freed by the clock alone."""
    moment = claim("1969-07-20")
    shop.go_to_the_till(moment)
    let_time_pass(moment)
    shop.double.answer(503, times=None)
    with pytest.raises(SpanTaken):
        hold_or_expire(rival, moment.span)
    shop.double.heal()
    assert hold_or_expire(rival, moment.span)


def late(shop, claim):
    """Return a moment that was released while its money was on its way, and its session."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    transitions.release(moment, "for the test")
    return moment, session


def test_the_span_is_still_free(shop, claim):
    """Edge case 10: it is granted all the same."""
    moment, session = late(shop, claim)
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


def test_two_people_pay_for_overlapping_spans(shop, claim, rival):
    """Fault 18, edge case 10: one ACTIVE, the other refunded, at once."""
    moment, session = late(shop, claim)
    other = claim("1969-07-20", user=rival)
    second = shop.go_to_the_till(other)
    shop.double.pay(session)
    shop.double.pay(second)
    assert set(shop.deliver()) == {200}
    assert shop.state(other) == OWNED
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert shop.double.totals() == {"captured": 1000, "refunded": 500}
    assert Refund.objects.get().reason == "the span was no longer free when the money arrived"
    invariants.check_settled()


@pytest.mark.parametrize("paid_before", [True, False])
def test_the_account_is_erased_while_paying(shop, claim, claimant, rival, paid_before):
    """Fault 26: settled or refunded, and the span is free."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    if paid_before:
        shop.double.pay(session)
    shop.erase(claimant)
    assert not User.objects.get(pk=claimant.pk).is_active
    if not paid_before:
        shop.double.pay(session)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert shop.double.totals() == {"captured": 500, "refunded": 500}
    invariants.check_settled()
    assert claim("1969-07-20", user=rival)


def test_the_account_is_erased_after_buying(shop, claim, claimant):
    """Fault 26: what was paid for before stays earned; the moment is gone, as was told."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    shop.erase(claimant)
    moment.refresh_from_db()
    assert moment.status == Status.REVOKED
    assert shop.deliver() == [200]
    assert shop.double.totals() == {"captured": 500, "refunded": 0}
    # Settled by the owner's own wish; the invariant counts the moment.
    Order.objects.filter(moment=moment).update(status=OrderStatus.CHARGED_BACK)


def test_abandoned_and_paid_all_the_same(shop, claim):
    """Fault 14: Stripe said 500 and had made the session; a new attempt is paid, the old one too."""
    moment = claim("1969-07-20")
    first, second = shop.open_two(moment)
    shop.double.pay(first)
    shop.double.pay(second)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == OWNED
    assert shop.double.totals() == {"captured": 1000, "refunded": 500}
    shop.reconcile()
    invariants.check_settled()
