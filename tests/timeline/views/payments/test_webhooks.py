"""Stripe's webhook: the outcome is right and happens once, however the events arrive."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connections

from momentverse.management.commands import worker
from timeline.models import (
    Checkout,
    CheckoutState,
    OrderEmail,
    OrderStatus,
    PaymentEvent,
    Status,
)
from timeline.services.payments import events

OWNED = (Status.ACTIVE, OrderStatus.PAID)
WAITING = (Status.PAYING, OrderStatus.OPEN)


def test_it_works(shop, claim):
    """Fault 7: the buyer never returns, and the event alone fulfils the order."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    assert shop.state(moment) == OWNED
    assert PaymentEvent.objects.get().applied_at


def test_repeated_and_concurrent_event_is_applied_once(shop, claim):
    """Fault 1: every response is 2xx."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    webhook = shop.double.signed(shop.double.events[-1])

    def post(_):
        try:
            return shop.post_webhook(*webhook)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(post, range(100))) == {200}
    shop.reconcile()
    assert shop.state(moment) == OWNED
    assert (
        shop.count_log_entries(moment, "paid"),
        OrderEmail.objects.count(),
        len(mail.outbox),
    ) == (1, 1, 1)
    assert PaymentEvent.objects.count() == 1


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_and_duplicated_events_end_in_the_same_state(shop, claim, seed):
    """Fault 4: the state is fetched, so the order of events does not matter."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.pay_async(session)
    payment = shop.double.succeed_async(session)["payment_intent"]
    shop.double.refund(payment)
    deliveries = shop.double.events_of() * 5
    random.Random(seed).shuffle(deliveries)
    assert set(shop.deliver(*deliveries)) == {200}
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)
    assert shop.count_log_entries(moment, "paid") == shop.count_log_entries(moment, "refunded") == 1


def test_events_in_reverse_order_end_in_the_same_state(shop, claim):
    """Fault 4, edge case 11."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.pay_async(session)
    shop.double.succeed_async(session)
    assert set(shop.deliver(*reversed(shop.double.events_of()))) == {200}
    assert shop.state(moment) == OWNED


def test_event_before_we_know_the_session_is_applied(shop, claim):
    """Fault 3: the session is paid and reported while the response that created it was lost."""
    moment = claim("1969-07-20")
    session = shop.lose_session_response(moment)
    assert not Checkout.objects.get().session_id
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


def test_completed_session_without_money_is_not_paid(shop, claim):
    """Fault 5, edge case 12: the moment is active only once the money is there."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.pay_async(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == WAITING
    assert b"on its way" in shop.open_return_page(moment).content
    shop.double.succeed_async(session)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == OWNED


def test_failed_money_frees_the_span(shop, claim, rival):
    """Fault 6."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.pay_async(session)
    shop.double.fail_async(session)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    other = claim("1969-07-20", user=rival)
    shop.buy(other)
    assert shop.state(other) == OWNED


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"amount": 501}, {"currency": "usd"}], ids=["less", "more", "usd"]
)
def test_wrong_amount_or_currency_is_refunded(shop, claim, caplog, change):
    """Fault 20: logged as an error, not fulfilled, and exactly the captured amount is refunded."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.change_session(session, **change)
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert "is not what the order says" in caplog.text
    totals = shop.double.totals()
    assert totals["captured"] == totals["refunded"] == change.get("amount", 500)


def test_forged_old_and_tampered_events_are_refused(shop, claim):
    """Fault 21, edge case 11: 400, and nothing is stored or changed."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    assert shop.deliver(secret="whsec_guessed") == [400]
    assert shop.deliver(offset=-301) == [400]
    assert shop.deliver(tampered=True) == [400]
    assert shop.post_webhook(b"", "") == 400
    assert not PaymentEvent.objects.exists()
    assert shop.state(moment) == WAITING
    shop.reconcile()
    assert shop.state(moment) == OWNED


def test_wrong_clock_is_logged_and_reconciled(shop, claim, caplog):
    """Fault 22: the event is refused and the clock logged; the reconciler settles the payment."""
    shop.double.set_clock(-600)
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    assert shop.deliver() == [400]
    assert "clock" in caplog.text
    shop.reconcile()
    assert shop.state(moment) == OWNED


@pytest.mark.parametrize(
    "change", [{"livemode": True}, {"account": "acct_1"}, {"type": "customer.created"}]
)
def test_irrelevant_events_are_ignored(shop, claim, change):
    """Fault 23: 2xx, and nothing is stored."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    assert shop.deliver(shop.double.events[-1] | change) == [200]
    assert not PaymentEvent.objects.exists()
    assert shop.state(moment) == WAITING


def test_session_of_another_program_is_ignored(shop, claim):
    """Fault 23: it was paid, but not for an order of ours."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.objects["session"][session]["metadata"] = {}
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert PaymentEvent.objects.get().outcome == "not ours"
    assert shop.state(moment) == WAITING


def test_payment_of_another_program_is_ignored(shop, claim):
    """Fault 23: it was refunded, but was not for an order of ours."""
    payment = shop.buy(claim("1969-07-20"))
    Checkout.objects.update(payment_id="pi_another", key="another")
    shop.double.refund(payment)
    assert set(shop.deliver(*shop.double.events_of("charge.refunded"))) == {200}
    assert PaymentEvent.objects.get(kind="charge.refunded").outcome == "not ours"


def test_payment_for_another_order_is_refunded(shop, claim, caplog):
    """Fault 20: the session names the order it is for."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.objects["session"][session]["client_reference_id"] = "another"
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert "it names another order" in caplog.text
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert shop.double.totals() == {"captured": 500, "refunded": 500}


def test_event_about_an_unknown_session_is_applied_without_effect(shop, claim):
    """Fault 23: it is not fetched again."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.pay(session)
    del shop.double.objects["session"][session]
    assert shop.deliver() == [200]
    event = PaymentEvent.objects.get()
    assert (bool(event.applied_at), event.outcome) == (True, "the provider knows no such object")
    assert events.apply_event(event.pk)
    assert shop.state(moment) == WAITING


def test_event_links_a_session_whose_response_was_lost(shop, claim):
    """Fault 4, fault 12: the event says expired, but the fetched session is open and is used."""
    moment = claim("1969-07-20")
    session = shop.lose_session_response(moment)
    shop.double.add_event("checkout.session.expired", shop.double.objects["session"][session])
    assert shop.deliver() == [200]
    assert Checkout.objects.get().state == CheckoutState.OPEN
    assert shop.start_checkout(moment) == session


@pytest.mark.parametrize("fault", ["respond_with", "drop"])
def test_event_is_applied_later_if_stripe_is_down(shop, claim, fault):
    """Fault 11: stored and confirmed with 200, then retried without a limit."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    if fault == "respond_with":
        shop.double.respond_with(503, times=None)
    else:
        shop.double.drop(times=None)
    assert shop.deliver() == [200]
    event = PaymentEvent.objects.get()
    assert event.outcome.startswith("not yet")
    PaymentEvent.objects.update(attempts=5000)
    shop.double.clear_faults()
    shop.reconcile()
    event.refresh_from_db()
    assert event.applied_at
    assert shop.state(moment) == OWNED


def test_refused_secret_key_loses_no_event(shop, claim):
    """An event that could not be fetched is not recorded as unknown to Stripe."""
    moment = claim("1969-07-20")
    payment = shop.buy(moment)
    shop.double.refund(payment)
    shop.double.respond_with(401, "GET *", times=None, code="api_key_expired")
    assert set(shop.deliver()) == {200}
    shop.double.clear_faults()
    shop.reconcile()
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)


def test_worker_applies_a_stored_event(shop, claim, settings):
    """Fault 11: the event is confirmed and queued, and the process that received it is gone."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    assert shop.deliver() == [200]
    assert shop.state(moment) == WAITING
    worker._run_queued_tasks()
    assert shop.state(moment) == OWNED
    worker._run_queued_tasks()
    assert len(mail.outbox) == 1
