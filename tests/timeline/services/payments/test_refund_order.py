"""Paying back: exactly once, in full, whatever the provider answers and whoever else does it."""

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
def pay_back(shop):
    """Return a function by which staff pays an order back."""
    chief = User.objects.create_superuser("chief@example.org", "chief")

    def refund(moment):
        refunds.refund_order(Order.objects.get(moment=moment), "asked for", actor=chief)

    return refund


def assert_paid_back_once(shop, moment):
    assert shop.state(moment) == REFUNDED
    totals = shop.double.totals()
    assert totals["refunded"] == totals["captured"] == 500
    assert Refund.objects.get().state == Refund.State.DONE
    subjects = [message.subject for message in mail.outbox]
    assert len(subjects) == len(set(subjects))
    invariants.check_settled()


def test_it_works(shop, claim, pay_back, rival):
    """Edge case 13: the span is free, and can be bought once more."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    pay_back(moment)
    assert_paid_back_once(shop, moment)
    assert set(shop.deliver()) == {200}
    assert_paid_back_once(shop, moment)
    assert claim("1969-07-20", user=rival)


@pytest.mark.parametrize("fault", ["drop", "fail"])
def test_the_answer_is_lost_though_it_was_done(shop, claim, pay_back, fault):
    """Fault 24: timed out, or 500 after having done the work."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    getattr(shop.double, fault)(REFUND, times=None)
    pay_back(moment)
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDING)
    shop.reconcile()
    shop.double.heal()
    shop.reconcile()
    assert_paid_back_once(shop, moment)


def test_stripe_is_slow(shop, claim, pay_back):
    """Fault 24: no answer in time."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    shop.double.slow(60, REFUND)
    pay_back(moment)
    shop.double.heal()
    shop.reconcile()
    assert_paid_back_once(shop, moment)


def test_stripe_has_no_money_for_it_yet(shop, claim, pay_back):
    """Fault 24: refused, and asked for until it is confirmed."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    shop.double.refuse_refunds(3)
    pay_back(moment)
    for _ in range(2):
        shop.reconcile()
        assert Refund.objects.get().error
    shop.double.heal()
    shop.reconcile()
    assert_paid_back_once(shop, moment)


def test_made_in_the_dashboard(shop, claim, rival):
    """Fault 24: told by a message, and by none."""
    told, untold = claim("1969-07-20"), claim("1969-07-21", user=rival)
    for moment in (told, untold):
        shop.double.refund(shop.buy(moment))
        if moment == told:
            shop.deliver()
    assert shop.state(told) == REFUNDED
    shop.reconcile()
    assert shop.state(untold) == REFUNDED
    assert shop.double.totals() == {"captured": 1000, "refunded": 1000}


def test_made_in_the_dashboard_and_by_us(shop, claim, pay_back):
    """Fault 24: exactly one."""
    moment = claim("1969-07-20")
    shop.double.refund(shop.buy(moment))
    pay_back(moment)
    assert_paid_back_once(shop, moment)
    assert set(shop.deliver()) == {200}
    assert_paid_back_once(shop, moment)


def test_a_part_was_paid_back_in_the_dashboard(shop, claim, pay_back):
    """Fault 24: the rest goes back, and not more."""
    moment = claim("1969-07-20")
    shop.double.refund(shop.buy(moment), amount=120)
    shop.deliver()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)
    pay_back(moment)
    assert_paid_back_once(shop, moment)


def test_the_bank_sends_it_back(shop, claim, pay_back):
    """Fault 24: a refund that did not arrive is owed again, and told to staff."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    pay_back(moment)
    assert set(shop.deliver()) == {200}
    shop.double.fail_refund(Refund.objects.get().refund_id)
    assert shop.double.totals()["refunded"] == 0
    assert shop.deliver(*shop.double.events_of("refund.failed")) == [200]
    assert_paid_back_once(shop, moment)
    assert shop.times(moment, "the refund came back") == 1
    shop.reconcile()
    assert_paid_back_once(shop, moment)


def test_the_bank_sends_a_second_payments_refund_back(shop, claim):
    """Fault 14, fault 24: the moment stays its buyer's, and the money is owed again."""
    moment = claim("1969-07-20")
    first, second = shop.open_two(moment)
    shop.double.pay(second)
    shop.double.pay(first)
    assert set(shop.deliver()) == {200}
    shop.double.fail_refund(Refund.objects.get().refund_id)
    assert shop.deliver(*shop.double.events_of("refund.failed")) == [200]
    shop.reconcile()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)
    assert shop.double.totals() == {"captured": 1000, "refunded": 500}
    invariants.check_settled()


def test_what_has_been_paid_back_is_not_asked_for_again(shop, claim, pay_back):
    moment = claim("1969-07-20")
    shop.buy(moment)
    pay_back(moment)
    refund = Refund.objects.get()
    asked = len(shop.double.requests)
    assert refunds.submit_refund(refund.pk)
    with transaction.atomic():
        refunds.create_refund(moment.order, refund.checkout, "once more")
    assert len(shop.double.requests) == asked
    assert shop.times(moment, "to be paid back") == 1
    assert_paid_back_once(shop, moment)


def test_many_at_once(shop, claim, pay_back):
    """Fault 24: staff twice, the worker and a message."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    events = shop.double.events_of()

    def act(number):
        try:
            if number % 3 == 0:
                pay_back(moment)
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
    assert_paid_back_once(shop, moment)


def test_paid_back_and_then_paid_again_by_an_older_session(shop, claim, pay_back):
    """Two sessions, the first behind a kept 500: the second payment goes back as the first did."""
    moment = claim("1969-07-20")
    shop.double.fail("POST /v1/checkout/sessions")
    shop.buy(moment)
    pay_back(moment)
    first = Checkout.objects.get(state="abandoned")
    shop.double.pay(shop.double.find(first.key))
    shop.double.answer(503, REFUND, times=None)
    assert set(shop.deliver()) == {200}
    invariants.check()
    shop.double.heal()
    shop.reconcile()
    assert shop.double.totals() == {"captured": 1000, "refunded": 1000}
    assert shop.state(moment) == REFUNDED
    invariants.check_settled()
