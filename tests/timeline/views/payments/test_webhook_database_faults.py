"""Stripe's webhook while the database fails: a full disk, conflicts, and errors of single events."""

from __future__ import annotations

import pytest
from django.db import connection

from timeline.models import Checkout, OrderEmail, OrderStatus, PaymentEvent, Refund, Status

OWNED = (Status.ACTIVE, OrderStatus.PAID)
WAITING = (Status.PAYING, OrderStatus.OPEN)


@pytest.fixture
def run_sql():
    """Return a function that runs SQL now, and another statement after the test."""
    undo = []

    def run(sql, undo_sql):
        undo.append(undo_sql)
        with connection.cursor() as cursor:
            cursor.execute(sql)

    yield run
    with connection.cursor() as cursor:
        for statement in undo:
            cursor.execute(statement)


def fail_with(run_sql, table, code, operation="INSERT", when="true"):
    """Let PostgreSQL raise an error whenever a row of ``table`` is written and ``when`` holds."""
    run_sql(
        f"""
        CREATE SEQUENCE fault_hits;
        CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {when} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '{code}'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fault BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION fault();
        """,
        f"DROP TRIGGER fault ON {table}; DROP FUNCTION fault(); DROP SEQUENCE fault_hits;",
    )


@pytest.mark.postgresql
def test_failing_event_does_not_block_others(shop, claim, rival, run_sql):
    """The error is recorded, the event is retried, and the others are applied."""
    bad, good = claim("1969-07-20"), claim("1969-07-21", user=rival)
    when = f"NEW.status = 'active' AND NEW.id = {bad.pk}"
    fail_with(run_sql, "moments", "XX000", "UPDATE", when)
    for moment in (bad, good):
        shop.double.pay(shop.start_checkout(moment))
    shop.double.respond_with(503, "GET *", times=None)
    assert shop.deliver() == [200, 200]
    shop.double.clear_faults()
    shop.reconcile()
    assert shop.state(good) == OWNED
    waiting = PaymentEvent.objects.get(applied_at=None)
    assert "injected" in waiting.outcome


@pytest.mark.postgresql
@pytest.mark.parametrize("table", ["payment_events", "moments", "notices"])
def test_full_disk_loses_no_payment(shop, claim, run_sql, table):
    """Fault 28: nothing is half-written; the event is applied when it arrives again, or later."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    when = "NEW.status = 'active'" if table == "moments" else "true"
    fail_with(run_sql, table, "53100", "INSERT OR UPDATE", when)
    # A stored event is applied later. One that could not be stored gets 503, so Stripe sends it again.
    assert shop.deliver() == [503 if table == "payment_events" else 200]
    assert shop.state(moment) == WAITING
    assert not Refund.objects.exists()
    assert not OrderEmail.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER fault")
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


def test_full_sqlite_file_loses_no_payment(shop, claim):
    """Fault 28, on SQLite: the file may not grow."""
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    event = shop.double.events[-1]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        statuses = []
        while 503 not in statuses:  # until the free space of the last page is used up
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
def test_conflict_is_retried_three_times(shop, claim, run_sql, code):
    """Fault 30: the third attempt succeeds."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    # A sequence keeps its value when the transaction is rolled back.
    when = "NEW.status = 'active' AND nextval('fault_hits') <= 2"
    fail_with(run_sql, "moments", code, "UPDATE", when)
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED
    assert shop.count_log_entries(moment, "paid") == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_permanent_conflict_is_503_or_applied_later(shop, claim, run_sql, code):
    """Fault 30: after three attempts a person gets 503, and an event is applied later."""
    moment = claim("1969-07-20")
    when = "NEW.status IN ('active', 'paying') AND nextval('fault_hits') > 0"
    fail_with(run_sql, "moments", code, "UPDATE", when)
    assert shop.post_pay(moment).status_code == 503
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM fault_hits")
        assert cursor.fetchone() == (3,)
        assert shop.state(moment) == (Status.HELD, OrderStatus.OPEN)
        assert not Checkout.objects.exists()
        cursor.execute("ALTER TABLE moments DISABLE TRIGGER fault")
        shop.double.pay(shop.start_checkout(moment))
        cursor.execute("ALTER TABLE moments ENABLE TRIGGER fault")
        assert shop.deliver() == [200]
        assert shop.state(moment) == WAITING
        cursor.execute("ALTER TABLE moments DISABLE TRIGGER fault")
    shop.reconcile()
    assert shop.state(moment) == OWNED


@pytest.mark.postgresql
@pytest.mark.parametrize("code", ["40P01", "40001", "08006"])
def test_event_that_cannot_be_stored_is_503(shop, claim, run_sql, code):
    """Fault 27, fault 30: so Stripe sends it again."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    fail_with(run_sql, "payment_events", code)
    assert shop.deliver() == [503]
    assert not PaymentEvent.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payment_events DISABLE TRIGGER fault")
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED
