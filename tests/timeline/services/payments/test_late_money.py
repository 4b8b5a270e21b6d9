"""Money that arrives when the hold is over, the span is taken, or the account is erased."""

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
def test_payment_around_the_end_of_the_hold_keeps_the_span(shop, claim, rival, seconds):
    """Fault 16: one second before and after; nobody gets the span while the session may be paid."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    left = moment.held_until - timezone.now() + dt.timedelta(hours=1)
    shop.double.pay(session)
    let_time_pass(moment, seconds=left.total_seconds() + seconds)
    # Expiring the session for the next claimant finds the payment.
    with pytest.raises(SpanTaken):
        hold_or_expire(rival, moment.span)
    call_command("release_expired_holds")
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == OWNED


def test_next_claimant_gets_an_unpaid_span_after_its_session_is_expired(shop, claim, rival):
    """Edge case 9."""
    moment = claim("1969-07-20")
    shop.start_checkout(moment)
    let_time_pass(moment)
    other = hold_or_expire(rival, moment.span)
    assert shop.double.open_sessions() == []
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.state(other) == (Status.HELD, OrderStatus.OPEN)


def test_next_claimant_waits_while_stripe_is_down(shop, claim, rival):
    """Edge case 9: the clock alone never releases a span."""
    moment = claim("1969-07-20")
    shop.start_checkout(moment)
    let_time_pass(moment)
    shop.double.respond_with(503, times=None)
    with pytest.raises(SpanTaken):
        hold_or_expire(rival, moment.span)
    shop.double.clear_faults()
    assert hold_or_expire(rival, moment.span)


def release_during_checkout(shop, claim):
    """Return a moment that was released while its buyer was paying, and the session."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    transitions.release(moment, "for the test")
    return moment, session


def test_late_money_gets_a_span_that_is_still_free(shop, claim):
    """Edge case 10."""
    moment, session = release_during_checkout(shop, claim)
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


def test_late_money_for_a_taken_span_is_refunded(shop, claim, rival):
    """Fault 18, edge case 10: two people pay for overlapping spans; one gets it, one a refund."""
    moment, session = release_during_checkout(shop, claim)
    other = claim("1969-07-20", user=rival)
    second = shop.start_checkout(other)
    shop.double.pay(session)
    shop.double.pay(second)
    assert set(shop.deliver()) == {200}
    assert shop.state(other) == OWNED
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert shop.double.totals() == {"captured": 1000, "refunded": 500}
    assert Refund.objects.get().reason == "the span was no longer free when the money arrived"
    invariants.check_settled()


@pytest.mark.parametrize("paid_before", [True, False])
def test_money_of_an_erased_account_is_refunded(shop, claim, claimant, rival, paid_before):
    """Fault 26: the span is free."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    if paid_before:
        shop.double.pay(session)
    shop.erase_account(claimant)
    assert not User.objects.get(pk=claimant.pk).is_active
    if not paid_before:
        shop.double.pay(session)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert shop.double.totals() == {"captured": 500, "refunded": 500}
    invariants.check_settled()
    assert claim("1969-07-20", user=rival)


def test_erasure_after_buying_refunds_nothing(shop, claim, claimant):
    """Fault 26: the moment is revoked, as the account page warned."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    shop.erase_account(claimant)
    moment.refresh_from_db()
    assert moment.status == Status.REVOKED
    assert shop.deliver() == [200]
    assert shop.double.totals() == {"captured": 500, "refunded": 0}
    # The owner wanted this, but the invariant expects an active moment.
    Order.objects.filter(moment=moment).update(status=OrderStatus.CHARGED_BACK)


def test_payment_of_an_abandoned_session_is_refunded(shop, claim):
    """Fault 14: Stripe created it although it responded with 500. The new session is paid as well."""
    moment = claim("1969-07-20")
    first, second = shop.open_two_sessions(moment)
    shop.double.pay(first)
    shop.double.pay(second)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == OWNED
    assert shop.double.totals() == {"captured": 1000, "refunded": 500}
    shop.reconcile()
    invariants.check_settled()
