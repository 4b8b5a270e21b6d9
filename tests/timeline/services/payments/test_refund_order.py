"""Refunds: exactly once and in full, whatever the provider returns and whoever else refunds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connections, transaction

from accounts.models import User
from tests.support import invariants
from timeline.models import Checkout, Order, OrderStatus, Refund, Status
from timeline.services.payments import refunds
from timeline.services.payments.exceptions import RefundRefused

REFUNDED = (Status.REVOKED, OrderStatus.REFUNDED)
REFUND = "POST /v1/refunds"


@pytest.fixture
def refund(shop):
    """Return a function with which staff refund the order of a moment."""
    staff = User.objects.create_superuser("staff@example.org", "staff")

    def refund_moment(moment):
        refunds.refund_order(Order.objects.get(moment=moment), "asked for", actor=staff)

    return refund_moment


def assert_refunded_once(shop, moment):
    assert shop.state(moment) == REFUNDED
    totals = shop.double.totals()
    assert totals["refunded"] == totals["captured"] == 500
    assert Refund.objects.get().state == Refund.State.DONE
    subjects = [message.subject for message in mail.outbox]
    assert len(subjects) == len(set(subjects))
    invariants.check_settled()


def test_it_works(shop, claim, refund, rival):
    """Edge case 13: the span is free, and somebody else can buy it."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    refund(moment)
    assert_refunded_once(shop, moment)
    assert set(shop.deliver()) == {200}
    assert_refunded_once(shop, moment)
    assert claim("1969-07-20", user=rival)


@pytest.mark.parametrize("fault", ["drop", "fail"])
def test_lost_response_is_retried(shop, claim, refund, fault):
    """Fault 24: the connection closes, or Stripe responds with 500, after the work is done."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    getattr(shop.double, fault)(REFUND, times=None)
    refund(moment)
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDING)
    shop.reconcile()
    shop.double.clear_faults()
    shop.reconcile()
    assert_refunded_once(shop, moment)


def test_slow_response_is_retried(shop, claim, refund):
    """Fault 24."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    shop.double.slow(60, REFUND)
    refund(moment)
    shop.double.clear_faults()
    shop.reconcile()
    assert_refunded_once(shop, moment)


def test_refusal_for_lack_of_money_is_retried(shop, claim, refund):
    """Fault 24: until Stripe confirms it."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    shop.double.refuse_refunds(3)
    refund(moment)
    for _ in range(2):
        shop.reconcile()
        assert Refund.objects.get().error
    shop.double.clear_faults()
    shop.reconcile()
    assert_refunded_once(shop, moment)


def test_dashboard_refund_is_recorded(shop, claim, rival):
    """Fault 24: with and without a webhook."""
    reported, unreported = claim("1969-07-20"), claim("1969-07-21", user=rival)
    for moment in (reported, unreported):
        shop.double.refund(shop.buy(moment))
        if moment == reported:
            shop.deliver()
    assert shop.state(reported) == REFUNDED
    shop.reconcile()
    assert shop.state(unreported) == REFUNDED
    assert shop.double.totals() == {"captured": 1000, "refunded": 1000}


def test_refund_after_a_dashboard_refund_refunds_once(shop, claim, refund):
    """Fault 24."""
    moment = claim("1969-07-20")
    shop.double.refund(shop.buy(moment))
    refund(moment)
    assert_refunded_once(shop, moment)
    assert set(shop.deliver()) == {200}
    assert_refunded_once(shop, moment)


def test_refund_after_a_partial_dashboard_refund_refunds_the_rest(shop, claim, refund):
    """Fault 24."""
    moment = claim("1969-07-20")
    shop.double.refund(shop.buy(moment), amount=120)
    shop.deliver()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)
    refund(moment)
    assert_refunded_once(shop, moment)


def test_returned_refund_is_made_again(shop, claim, refund):
    """Fault 24: it is logged as an error for staff."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    refund(moment)
    assert set(shop.deliver()) == {200}
    shop.double.fail_refund(Refund.objects.get().refund_id)
    assert shop.double.totals()["refunded"] == 0
    assert shop.deliver(*shop.double.events_of("refund.failed")) == [200]
    assert_refunded_once(shop, moment)
    assert shop.count_log_entries(moment, "the refund came back") == 1
    shop.reconcile()
    assert_refunded_once(shop, moment)


def test_returned_refund_of_a_second_payment_keeps_the_moment(shop, claim):
    """Fault 14, fault 24: only the money is refunded again."""
    moment = claim("1969-07-20")
    first, second = shop.open_two_sessions(moment)
    shop.double.pay(second)
    shop.double.pay(first)
    assert set(shop.deliver()) == {200}
    shop.double.fail_refund(Refund.objects.get().refund_id)
    assert shop.deliver(*shop.double.events_of("refund.failed")) == [200]
    shop.reconcile()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)
    assert shop.double.totals() == {"captured": 1000, "refunded": 500}
    invariants.check_settled()


def test_completed_refund_is_not_submitted_again(shop, claim, refund):
    moment = claim("1969-07-20")
    shop.buy(moment)
    refund(moment)
    refund = Refund.objects.get()
    before = len(shop.double.requests)
    assert refunds.submit_refund(refund.pk)
    with transaction.atomic():
        refunds.create_refund(moment.order, refund.checkout, "once more")
    assert len(shop.double.requests) == before
    assert shop.count_log_entries(moment, "to be paid back") == 1
    assert_refunded_once(shop, moment)


def test_concurrent_refunds_refund_once(shop, claim, refund):
    """Fault 24: staff, the reconciler and webhooks, 12 calls on 6 threads."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    events = shop.double.events_of()

    def act(number):
        try:
            if number % 3 == 0:
                refund(moment)
            elif number % 3 == 1:
                shop.reconcile()
            else:
                shop.deliver(*events)
        except RefundRefused:
            return "refused"
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(act, range(12)))
    assert outcomes.count("refused") == 3
    shop.reconcile()
    assert_refunded_once(shop, moment)


def test_payment_of_an_older_session_after_a_refund_is_refunded_too(shop, claim, refund):
    """The first session is behind a stored 500, and is paid after the refund of the second."""
    moment = claim("1969-07-20")
    shop.double.fail("POST /v1/checkout/sessions")
    shop.buy(moment)
    refund(moment)
    first = Checkout.objects.get(state="abandoned")
    shop.double.pay(shop.double.find_session(first.key))
    shop.double.respond_with(503, REFUND, times=None)
    assert set(shop.deliver()) == {200}
    invariants.check()
    shop.double.clear_faults()
    shop.reconcile()
    assert shop.double.totals() == {"captured": 1000, "refunded": 1000}
    assert shop.state(moment) == REFUNDED
    invariants.check_settled()
