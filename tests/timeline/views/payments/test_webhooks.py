"""Messages of Stripe at their address: one outcome, the right one, however they come."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection, connections

from momentverse.management.commands import worker
from timeline.models import (
    Checkout,
    CheckoutState,
    OrderEmail,
    OrderStatus,
    PaymentEvent,
    Refund,
    Status,
)
from timeline.services.payments import events

OWNED = (Status.ACTIVE, OrderStatus.PAID)
HELD = (Status.PAYING, OrderStatus.OPEN)


@pytest.fixture
def disturbed():
    """Return a function that runs SQL, and undoes on leaving what is named."""
    undo = []

    def run(sql, undoing):
        undo.append(undoing)
        with connection.cursor() as cursor:
            cursor.execute(sql)

    yield run
    with connection.cursor() as cursor:
        for one in undo:
            cursor.execute(one)


def fail_with(disturbed, table, code, what="INSERT", when="true"):
    """Let PostgreSQL itself raise an error whenever a row of ``table`` is written."""
    disturbed(
        f"""
        CREATE SEQUENCE fault_hits;
        CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {when} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fault BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION fault();
        """,
        f"DROP TRIGGER fault ON {table}; DROP FUNCTION fault(); DROP SEQUENCE fault_hits;",
    )


def test_it_works(shop, claim):
    """Fault 7: the buyer never returns; the message alone fulfils."""
    moment = claim("1969-07-20")
    shop.buy(moment)
    assert shop.state(moment) == OWNED
    assert PaymentEvent.objects.get().applied_at


def test_the_same_message_many_times_and_at_once(shop, claim):
    """Fault 1: one transition, every answer 2xx."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    message = shop.double.signed(shop.double.events[-1])

    def post(_):
        try:
            return shop.post(*message)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(post, range(100))) == {200}
    shop.reconcile()
    assert shop.state(moment) == OWNED
    assert (shop.times(moment, "paid"), OrderEmail.objects.count(), len(mail.outbox)) == (1, 1, 1)
    assert PaymentEvent.objects.count() == 1


@pytest.mark.parametrize("seed", range(4))
def test_messages_shuffled_and_duplicated(shop, claim, seed):
    """Fault 4: the state is what is fetched, whatever the order of messages."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.pay_unpaid(session)
    payment = shop.double.succeed_async(session)["payment_intent"]
    shop.double.refund(payment)
    messages = shop.double.events_of() * 5
    random.Random(seed).shuffle(messages)
    assert set(shop.deliver(*messages)) == {200}
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)
    assert shop.times(moment, "paid") == shop.times(moment, "refunded") == 1


def test_messages_in_reverse_order(shop, claim):
    """Fault 4, edge case 11."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.pay_unpaid(session)
    shop.double.succeed_async(session)
    assert set(shop.deliver(*reversed(shop.double.events_of()))) == {200}
    assert shop.state(moment) == OWNED


def test_the_message_comes_before_our_own_commit(shop, claim):
    """Fault 3: the session is paid and told while its answer to us is lost."""
    moment = claim("1969-07-20")
    session = shop.lose_the_answer(moment)
    assert not Checkout.objects.get().session_id
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


def test_completed_is_not_paid(shop, claim):
    """Fault 5, edge case 12: ACTIVE only when the money is there."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.pay_unpaid(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == HELD
    assert b"on its way" in shop.come_back(moment).content
    shop.double.succeed_async(session)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == OWNED


def test_money_that_does_not_come_frees_the_span(shop, claim, rival):
    """Fault 6."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.pay_unpaid(session)
    shop.double.fail_async(session)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    other = claim("1969-07-20", user=rival)
    shop.buy(other)
    assert shop.state(other) == OWNED


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"amount": 501}, {"currency": "usd"}], ids=["less", "more", "usd"]
)
def test_another_amount_or_currency(shop, claim, caplog, change):
    """Fault 20: not fulfilled, alert, refund of just what was taken."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.change(session, **change)
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert "is not what the order says" in caplog.text
    totals = shop.double.totals()
    assert totals["captured"] == totals["refunded"] == change.get("amount", 500)


def test_forged_stale_and_altered_messages(shop, claim):
    """Fault 21, edge case 11: 400, nothing is stored, nothing changes."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    assert shop.deliver(secret="whsec_guessed") == [400]
    assert shop.deliver(offset=-301) == [400]
    assert shop.deliver(tampered=True) == [400]
    assert shop.post(b"", "") == 400
    assert not PaymentEvent.objects.exists()
    assert shop.state(moment) == HELD
    shop.reconcile()
    assert shop.state(moment) == OWNED


def test_our_clock_is_ten_minutes_ahead(shop, claim, caplog):
    """Fault 22: refused with an alert; the reconciler settles."""
    shop.double.set_clock(-600)
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    assert shop.deliver() == [400]
    assert "clock" in caplog.text
    shop.reconcile()
    assert shop.state(moment) == OWNED


@pytest.mark.parametrize(
    "change", [{"livemode": True}, {"account": "acct_1"}, {"type": "customer.created"}]
)
def test_messages_that_are_not_for_us(shop, claim, change):
    """Fault 23: 2xx, ignored."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    assert shop.deliver(shop.double.events[-1] | change) == [200]
    assert not PaymentEvent.objects.exists()
    assert shop.state(moment) == HELD


def test_a_session_of_another_program_is_not_ours(shop, claim):
    """Fault 23: paid, but not by an order of ours."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.things["session"][session]["metadata"] = {}
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert PaymentEvent.objects.get().outcome == "not ours"
    assert shop.state(moment) == HELD


def test_a_payment_of_another_program_is_not_ours(shop, claim):
    """Fault 23: paid back, but it was not for an order of ours."""
    payment = shop.buy(claim("1969-07-20"))
    Checkout.objects.update(payment_id="pi_another", key="another")
    shop.double.refund(payment)
    assert set(shop.deliver(*shop.double.events_of("charge.refunded"))) == {200}
    assert PaymentEvent.objects.get(kind="charge.refunded").outcome == "not ours"


def test_a_payment_for_another_order_goes_back(shop, claim, caplog):
    """Fault 20: the session says whose money it is."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.things["session"][session]["client_reference_id"] = "another"
    shop.double.pay(session)
    assert shop.deliver() == [200]
    assert "it names another order" in caplog.text
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.REFUNDED)
    assert shop.double.totals() == {"captured": 500, "refunded": 500}


def test_a_session_that_stripe_does_not_know(shop, claim):
    """Fault 23: nothing to apply, and not asked for again."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.pay(session)
    del shop.double.things["session"][session]
    assert shop.deliver() == [200]
    event = PaymentEvent.objects.get()
    assert (bool(event.applied_at), event.outcome) == (True, "the provider knows no such object")
    assert events.apply_event(event.pk)
    assert shop.state(moment) == HELD


def test_a_message_tells_of_the_session_whose_answer_was_lost(shop, claim):
    """Fault 4, fault 12: whatever it says; what is fetched is open, and the buyer is led there."""
    moment = claim("1969-07-20")
    session = shop.lose_the_answer(moment)
    shop.double.say("checkout.session.expired", shop.double.things["session"][session])
    assert shop.deliver() == [200]
    assert Checkout.objects.get().state == CheckoutState.OPEN
    assert shop.go_to_the_till(moment) == session


@pytest.mark.parametrize("fault", ["answer", "drop"])
def test_stripe_is_away_when_the_message_comes(shop, claim, fault):
    """Fault 11: stored and answered; applied later, and it may fail as often as it likes."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    if fault == "answer":
        shop.double.answer(503, times=None)
    else:
        shop.double.drop(times=None)
    assert shop.deliver() == [200]
    event = PaymentEvent.objects.get()
    assert event.outcome.startswith("not yet")
    PaymentEvent.objects.update(attempts=5000)
    shop.double.heal()
    shop.reconcile()
    event.refresh_from_db()
    assert event.applied_at
    assert shop.state(moment) == OWNED


def test_a_key_that_stripe_refuses_loses_no_message(shop, claim):
    """An event that could not be looked at is not “about nothing that Stripe knows”."""
    moment = claim("1969-07-20")
    payment = shop.buy(moment)
    shop.double.refund(payment)
    shop.double.answer(401, "GET *", times=None, code="api_key_expired")
    assert set(shop.deliver()) == {200}
    shop.double.heal()
    shop.reconcile()
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)


def test_the_worker_finishes_what_was_stored(shop, claim, settings):
    """Fault 11: answered, queued, and the process that took it is gone."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    assert shop.deliver() == [200]
    assert shop.state(moment) == HELD
    worker._run_queued_tasks()
    assert shop.state(moment) == OWNED
    worker._run_queued_tasks()
    assert len(mail.outbox) == 1


@pytest.mark.postgresql
def test_one_event_that_cannot_be_applied_does_not_stop_the_others(shop, claim, rival, disturbed):
    """Whatever is wrong with it: it is noted, tried again, and the others are applied."""
    bad, good = claim("1969-07-20"), claim("1969-07-21", user=rival)
    when = f"NEW.status = 'active' AND NEW.id = {bad.pk}"
    fail_with(disturbed, "moments", "XX000", "UPDATE", when)
    for moment in (bad, good):
        shop.double.pay(shop.go_to_the_till(moment))
    shop.double.answer(503, "GET *", times=None)
    assert shop.deliver() == [200, 200]
    shop.double.heal()
    shop.reconcile()
    assert shop.state(good) == OWNED
    waiting = PaymentEvent.objects.get(applied_at=None)
    assert "injected" in waiting.outcome


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["payment_events", "moments", "notices"])
def test_the_disk_is_full(shop, claim, disturbed, table):
    """Fault 28: nothing half-written; told again, or later, it is applied."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    when = "NEW.status = 'active'" if table == "moments" else "true"
    fail_with(disturbed, table, "53100", "INSERT OR UPDATE", when)
    # Stored it is ours to finish; not stored, Stripe sends it again.
    assert shop.deliver() == [503 if table == "payment_events" else 200]
    assert shop.state(moment) == HELD
    assert not Refund.objects.exists()
    assert not OrderEmail.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER fault")
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


def test_the_embedded_databases_disk_is_full(shop, claim):
    """Fault 28, on SQLite: its file may not grow."""
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    event = shop.double.events[-1]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        statuses = []
        while 503 not in statuses:  # until what is free of the last page is used up
            filler = event | {"id": f"evt_{len(statuses):060}", "type": "charge.refunded"}
            filler["data"] = {"object": {"id": "ch_1", "payment_intent": "pi_" + "x" * 150}}
            statuses += shop.deliver(filler)
            assert set(statuses) <= {200, 503}
            assert len(statuses) < 500
        stored = PaymentEvent.objects.count()
        assert stored == len(statuses) - 1
        cursor.execute("PRAGMA max_page_count = 1073741823")
    assert shop.deliver(event) == [200]
    assert shop.state(moment) == OWNED


@pytest.mark.postgresql
@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_what_the_database_asks_to_repeat(shop, claim, disturbed, code):
    """Fault 30: three tries, not four."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    # A sequence counts on when its transaction is undone.
    when = "NEW.status = 'active' AND nextval('fault_hits') <= 2"
    fail_with(disturbed, "moments", code, "UPDATE", when)
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED
    assert shop.times(moment, "paid") == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_what_the_database_asks_to_repeat_for_ever(shop, claim, disturbed, code):
    """Fault 30: at most three tries, then 503 for a person, and later for an event."""
    moment = claim("1969-07-20")
    when = "NEW.status IN ('active', 'paying') AND nextval('fault_hits') > 0"
    fail_with(disturbed, "moments", code, "UPDATE", when)
    assert shop.press_pay(moment).status_code == 503
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM fault_hits")
        assert cursor.fetchone() == (3,)
        assert shop.state(moment) == (Status.HELD, OrderStatus.OPEN)
        assert not Checkout.objects.exists()
        cursor.execute("ALTER TABLE moments DISABLE TRIGGER fault")
        shop.double.pay(shop.go_to_the_till(moment))
        cursor.execute("ALTER TABLE moments ENABLE TRIGGER fault")
        assert shop.deliver() == [200]
        assert shop.state(moment) == HELD
        cursor.execute("ALTER TABLE moments DISABLE TRIGGER fault")
    shop.reconcile()
    assert shop.state(moment) == OWNED


@pytest.mark.postgresql
@pytest.mark.parametrize("code", ["40P01", "40001", "08006"])
def test_a_message_that_cannot_be_stored(shop, claim, disturbed, code):
    """Fault 27, fault 30: 503, so Stripe sends it again."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    fail_with(disturbed, "payment_events", code)
    assert shop.deliver() == [503]
    assert not PaymentEvent.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payment_events DISABLE TRIGGER fault")
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED
