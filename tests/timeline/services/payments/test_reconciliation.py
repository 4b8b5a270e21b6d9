"""``reconcile_payments``: what no message told is settled all the same."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.db.models import F

from tests.support import invariants
from tests.support.claims import let_time_pass
from timeline.models import Checkout, CheckoutState, OrderStatus, PaymentEvent, Status
from timeline.services.payments import reconciliation as reconciler
from timeline.services.payments import settlement
from timeline.services.payments.providers import stripe as stripe_provider

OWNED = (Status.ACTIVE, OrderStatus.PAID)
CREATE = "POST /v1/checkout/sessions"
LIST = "GET /v1/events"


def test_it_works(shop, claim):
    """Fault 8: no message came at all."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    shop.reconcile()
    assert shop.state(moment) == OWNED
    invariants.check_settled()


def test_our_address_was_away_for_three_days(shop, claim, rival, monkeypatch):
    """Fault 8: all is settled by one run, also when the first message after it came before the run."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 2)
    monkeypatch.setattr(reconciler, "PAGE_SIZE", 2)
    bought = [claim(f"1969-07-2{day}") for day in (0, 1)]
    payments = [shop.buy(moment) for moment in bought]
    for number, event in enumerate(shop.double.events):
        event["created"] -= 3 * 86_400 + number
    before = len(shop.double.events)
    for payment in payments:
        shop.double.refund(payment)
    for event in shop.double.events[before:]:
        event["created"] -= 2 * 86_400
    # Back again: something new is told before the reconciler's turn.
    shop.buy(claim("1969-07-25", user=rival))
    shop.reconcile()
    states = {shop.state(moment) for moment in bought}
    assert states == {(Status.REVOKED, OrderStatus.REFUNDED)}
    invariants.check_settled()


def test_the_list_of_messages_breaks_off(shop, claim, monkeypatch):
    """Fault 8: what was on its second page is not forgotten at the next run."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 1)
    monkeypatch.setattr(reconciler, "PAGE_SIZE", 1)
    bought = [claim(f"1969-07-2{day}") for day in (0, 1)]
    payments = [shop.buy(moment) for moment in bought]
    for payment in payments:
        shop.double.refund(payment)
    for event in shop.double.events:
        event["created"] -= 86_400
    listed = shop.double.calls[LIST]
    answer = type(shop.double)._work

    def breaking_off(double, request, fault):
        if request.call == LIST and double.calls[LIST] > listed + 1:
            shop.double.answer(503, LIST, times=None)
        return answer(double, request, fault)

    monkeypatch.setattr(type(shop.double), "_work", breaking_off)
    shop.reconcile()
    monkeypatch.undo()
    shop.double.heal()
    shop.reconcile()
    states = {shop.state(moment) for moment in bought}
    assert states == {(Status.REVOKED, OrderStatus.REFUNDED)}


def test_messages_too_old_to_be_listed(shop, claim):
    """Fault 9, fault 12: the session is found in the list of sessions, though its answer was lost too."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.lose_the_answer(moment))
    shop.double.forget_events()
    shop.reconcile()
    assert shop.state(moment) == OWNED
    assert not PaymentEvent.objects.exists()


def test_what_was_intended_and_never_opened_ends(shop, claim, rival):
    """Fault 12: intended, then nothing; the span is not kept for ever."""
    moment = claim("1969-07-20")
    shop.double.answer(503, CREATE, times=None)
    assert shop.press_pay(moment).status_code == 503
    shop.double.heal()
    shop.reconcile()  # too early: the answer may be on its way
    assert Checkout.objects.get().state == CheckoutState.INTENDED
    shop.let_intentions_age()
    let_time_pass(moment)
    said = [shop.reconcile() for _ in range(3)]
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert sum("1 released" in line for line in said) == 1
    assert claim("1969-07-20", user=rival)
    invariants.check_settled()


def test_stripe_is_away(shop, claim, rival):
    """All that is open stays open, and Stripe is not asked for each of it in turn."""
    moments = [claim(f"1969-07-2{day}") for day in (0, 1, 2)]
    for moment in moments:
        shop.double.pay(shop.go_to_the_till(moment))
    shop.double.answer(503, times=None)
    before = len(shop.double.requests)
    shop.reconcile()
    assert len(shop.double.requests) - before <= 1 + stripe_provider.MAX_RETRIES
    shop.double.heal()
    shop.reconcile()
    assert {shop.state(moment) for moment in moments} == {OWNED}


def test_stripe_goes_away_in_between(shop, claim):
    moments = [claim(f"1969-07-2{day}") for day in (0, 1, 2)]
    for moment in moments:
        shop.double.pay(shop.go_to_the_till(moment))
    shop.double.forget_events()
    shop.double.answer(503, "GET /v1/checkout/sessions/*", times=None)
    before = len(shop.double.requests)
    shop.reconcile()
    assert len(shop.double.requests) - before <= 2 + stripe_provider.MAX_RETRIES
    shop.double.heal()
    shop.reconcile()
    assert {shop.state(moment) for moment in moments} == {OWNED}


def test_money_on_its_way_for_days_blocks_nobody(shop, claim, rival, monkeypatch):
    """More payments are pending than one run asks for: each comes in its turn."""
    monkeypatch.setattr(reconciler, "BATCH_SIZE", 1)
    slow, quick = claim("1969-07-20"), claim("1969-07-21", user=rival)
    shop.double.pay_unpaid(shop.go_to_the_till(slow))
    shop.double.pay(shop.go_to_the_till(quick))
    shop.double.forget_events()
    Checkout.objects.update(polled_at=F("created_at"))
    for _ in range(3):
        shop.reconcile()
    assert shop.state(quick) == OWNED
    assert shop.state(slow) == (Status.PAYING, OrderStatus.OPEN)


def test_a_session_past_its_time_is_closed(shop, claim):
    """Edge case 9: only when Stripe says so the span is free."""
    moment = claim("1969-07-20")
    shop.go_to_the_till(moment)
    Checkout.objects.update(expires_at=F("expires_at") - dt.timedelta(hours=2))
    shop.reconcile()
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.double.open_sessions() == []


def test_a_session_that_stripe_does_not_know_stops_no_other(shop, claim, rival, caplog):
    lost, paid = claim("1969-07-20"), claim("1969-07-21", user=rival)
    del shop.double.things["session"][shop.go_to_the_till(lost)]
    shop.double.pay(shop.go_to_the_till(paid))
    shop.double.forget_events()
    shop.reconcile()
    assert shop.state(paid) == OWNED
    assert shop.state(lost) == (Status.PAYING, OrderStatus.OPEN)
    assert "reconciling" in caplog.text


def test_a_span_with_an_open_payment_is_not_given_back_as_unpaid(shop, claim):
    """Whoever looked before the payment was opened finds it now."""
    moment = claim("1969-07-20")
    shop.go_to_the_till(moment)
    assert not settlement.release_unpaid(moment)
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


@pytest.mark.parametrize("way", ["pay", "pay_unpaid"])
def test_closing_finds_it_complete(shop, claim, way):
    """Fault 17: a payment, at once or on its way, is one."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    Checkout.objects.update(expires_at=F("expires_at") - dt.timedelta(hours=2))
    getattr(shop.double, way)(session)
    shop.double.forget_events()
    shop.reconcile()
    assert shop.state(moment) == (OWNED if way == "pay" else (Status.PAYING, OrderStatus.OPEN))


def test_twice_at_once_does_it_once(shop, claim):
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))

    def run(_):
        try:
            shop.reconcile()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(8)))
    assert shop.state(moment) == OWNED
    assert shop.times(moment, "paid") == 1
