"""``reconcile_payments`` settles what no webhook reported."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.db.models import F

from tests.support import invariants
from tests.support.claims import let_time_pass
from timeline.models import Checkout, CheckoutState, OrderStatus, PaymentEvent, Status
from timeline.services.payments import reconciliation, settlement
from timeline.services.payments.providers import stripe as stripe_provider

OWNED = (Status.ACTIVE, OrderStatus.PAID)
CREATE = "POST /v1/checkout/sessions"
LIST = "GET /v1/events"


def test_it_works(shop, claim):
    """Fault 8: no webhook arrived at all."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    shop.reconcile()
    assert shop.state(moment) == OWNED
    invariants.check_settled()


def test_events_missed_in_three_days_are_received(shop, claim, rival, monkeypatch):
    """Fault 8: one run settles everything, also if a new event arrived before it."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 2)
    monkeypatch.setattr(reconciliation, "PAGE_SIZE", 2)
    bought = [claim(f"1969-07-2{day}") for day in (0, 1)]
    payments = [shop.buy(moment) for moment in bought]
    for number, event in enumerate(shop.double.events):
        event["created"] -= 3 * 86_400 + number
    before = len(shop.double.events)
    for payment in payments:
        shop.double.refund(payment)
    for event in shop.double.events[before:]:
        event["created"] -= 2 * 86_400
    # Webhooks arrive again, the first of them before the reconciler runs.
    shop.buy(claim("1969-07-25", user=rival))
    shop.reconcile()
    states = {shop.state(moment) for moment in bought}
    assert states == {(Status.REVOKED, OrderStatus.REFUNDED)}
    invariants.check_settled()


def test_interrupted_event_list_is_read_again(shop, claim, monkeypatch):
    """Fault 8: the next run receives the events of the page that failed."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 1)
    monkeypatch.setattr(reconciliation, "PAGE_SIZE", 1)
    bought = [claim(f"1969-07-2{day}") for day in (0, 1)]
    payments = [shop.buy(moment) for moment in bought]
    for payment in payments:
        shop.double.refund(payment)
    for event in shop.double.events:
        event["created"] -= 86_400
    listed = shop.double.calls[LIST]
    handle = type(shop.double)._handle

    def handle_until_second_page(double, request, fault):
        if request.call == LIST and double.calls[LIST] > listed + 1:
            shop.double.respond_with(503, LIST, times=None)
        return handle(double, request, fault)

    monkeypatch.setattr(type(shop.double), "_handle", handle_until_second_page)
    shop.reconcile()
    monkeypatch.undo()
    shop.double.clear_faults()
    shop.reconcile()
    states = {shop.state(moment) for moment in bought}
    assert states == {(Status.REVOKED, OrderStatus.REFUNDED)}


def test_checkout_is_settled_although_its_event_is_too_old_to_be_listed(shop, claim):
    """Fault 9, fault 12: its response was lost as well; the list of sessions has it."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.lose_session_response(moment))
    shop.double.forget_events()
    shop.reconcile()
    assert shop.state(moment) == OWNED
    assert not PaymentEvent.objects.exists()


def test_checkout_that_was_never_opened_ends(shop, claim, rival):
    """Fault 12: so the span is released."""
    moment = claim("1969-07-20")
    shop.double.respond_with(503, CREATE, times=None)
    assert shop.post_pay(moment).status_code == 503
    shop.double.clear_faults()
    shop.reconcile()  # too early: the response may be on its way
    assert Checkout.objects.get().state == CheckoutState.INTENDED
    shop.age_checkouts()
    let_time_pass(moment)
    outputs = [shop.reconcile() for _ in range(3)]
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert sum("1 released" in line for line in outputs) == 1
    assert claim("1969-07-20", user=rival)
    invariants.check_settled()


def test_stripe_down_gets_few_calls_and_changes_nothing(shop, claim, rival):
    """It is not called for each open checkout in turn."""
    moments = [claim(f"1969-07-2{day}") for day in (0, 1, 2)]
    for moment in moments:
        shop.double.pay(shop.start_checkout(moment))
    shop.double.respond_with(503, times=None)
    before = len(shop.double.requests)
    shop.reconcile()
    assert len(shop.double.requests) - before <= 1 + stripe_provider.MAX_RETRIES
    shop.double.clear_faults()
    shop.reconcile()
    assert {shop.state(moment) for moment in moments} == {OWNED}


def test_stripe_going_down_during_a_run_changes_nothing(shop, claim):
    moments = [claim(f"1969-07-2{day}") for day in (0, 1, 2)]
    for moment in moments:
        shop.double.pay(shop.start_checkout(moment))
    shop.double.forget_events()
    shop.double.respond_with(503, "GET /v1/checkout/sessions/*", times=None)
    before = len(shop.double.requests)
    shop.reconcile()
    assert len(shop.double.requests) - before <= 2 + stripe_provider.MAX_RETRIES
    shop.double.clear_faults()
    shop.reconcile()
    assert {shop.state(moment) for moment in moments} == {OWNED}


def test_pending_payments_do_not_block_others(shop, claim, rival, monkeypatch):
    """There are more pending payments than fit into one batch, so they take turns."""
    monkeypatch.setattr(reconciliation, "BATCH_SIZE", 1)
    slow, quick = claim("1969-07-20"), claim("1969-07-21", user=rival)
    shop.double.pay_async(shop.start_checkout(slow))
    shop.double.pay(shop.start_checkout(quick))
    shop.double.forget_events()
    Checkout.objects.update(polled_at=F("created_at"))
    for _ in range(3):
        shop.reconcile()
    assert shop.state(quick) == OWNED
    assert shop.state(slow) == (Status.PAYING, OrderStatus.OPEN)


def test_overdue_session_is_expired(shop, claim):
    """Edge case 9: the span is free once Stripe confirms it."""
    moment = claim("1969-07-20")
    shop.start_checkout(moment)
    Checkout.objects.update(expires_at=F("expires_at") - dt.timedelta(hours=2))
    shop.reconcile()
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.double.open_sessions() == []


def test_unknown_session_does_not_block_others(shop, claim, rival, caplog):
    lost, paid = claim("1969-07-20"), claim("1969-07-21", user=rival)
    del shop.double.objects["session"][shop.start_checkout(lost)]
    shop.double.pay(shop.start_checkout(paid))
    shop.double.forget_events()
    shop.reconcile()
    assert shop.state(paid) == OWNED
    assert shop.state(lost) == (Status.PAYING, OrderStatus.OPEN)
    assert "reconciling" in caplog.text


def test_release_unpaid_refuses_an_open_payment(shop, claim):
    """A caller may have found no payment before it was opened; the check is repeated under the lock."""
    moment = claim("1969-07-20")
    shop.start_checkout(moment)
    assert not settlement.release_unpaid(moment)
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


@pytest.mark.parametrize("method", ["pay", "pay_async"])
def test_expiring_a_completed_session_finds_the_payment(shop, claim, method):
    """Fault 17: whether the money has arrived or is on its way."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    Checkout.objects.update(expires_at=F("expires_at") - dt.timedelta(hours=2))
    getattr(shop.double, method)(session)
    shop.double.forget_events()
    shop.reconcile()
    assert shop.state(moment) == (OWNED if method == "pay" else (Status.PAYING, OrderStatus.OPEN))


def test_concurrent_runs_settle_once(shop, claim):
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))

    def run(_):
        try:
            shop.reconcile()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(8)))
    assert shop.state(moment) == OWNED
    assert shop.count_log_entries(moment, "paid") == 1
