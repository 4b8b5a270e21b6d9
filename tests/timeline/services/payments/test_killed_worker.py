"""A gunicorn worker is killed wherever a purchase can be interrupted; nothing is lost or done twice.

The point where it is killed is chosen from outside: the double delays a response, or a
trigger in PostgreSQL makes a statement wait for a lock.
"""

from __future__ import annotations

import os
import signal
import threading
from http.client import HTTPException
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.urls import reverse

from accounts.models import User
from tests.support import invariants
from tests.support.claims import span_of
from tests.support.served import Person, database_url
from tests.support.servers import gunicorn, http_get, site_environment, wait_until
from tests.support.stripe_double import StripeDouble
from tests.support.stripe_double.messages import post
from timeline.models import Checkout, OrderEmail, OrderStatus, PaymentEvent, Status
from timeline.services.claims import details, holds

pytestmark = pytest.mark.xdist_group("killed worker")

OWNED = (Status.ACTIVE, OrderStatus.PAID)
LOCK = 77_012
CREATE = "POST /v1/checkout/sessions"


@pytest.fixture(scope="module")
def long_lived_double():
    with StripeDouble() as double:
        yield double


@pytest.fixture
def stripe_double(long_lived_double):
    yield long_lived_double
    long_lived_double.clear_faults()


@pytest.fixture(scope="module")
def site(django_db_setup, long_lived_double, tmp_path_factory):
    """A running site that uses the tests' database."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "static").mkdir()
    environment = site_environment(
        folder,
        DATABASE_URL=database_url(),
        SECRET_KEY=django_settings.SECRET_KEY,
        **long_lived_double.environment(),
    )
    with gunicorn(environment) as served:
        yield served


class KillableSite:
    """A running site whose worker can be killed at a chosen point."""

    def __init__(self, site, shop):
        self.site, self.shop = site, shop

    def post_pay(self, moment):
        """Press “pay”. Return the redirect's target, else the status; None if there was no response."""
        path = reverse("timeline:claim-pay", args=[moment.pk])
        try:
            status, location = Person(moment.user).post(self.site.url, path)
        except (OSError, HTTPException):
            return None
        return location if status == 303 else status

    def post_event(self, event):
        """Post an event as Stripe does. Return the status; 0 if there was no response."""
        url = self.site.url + reverse("timeline:stripe-webhook")
        return post(url, self.shop.double.signed(event))

    def kill(self, step, when):
        """Begin a step and kill the worker as soon as ``when()`` holds. Return the result of the step."""
        results = []
        thread = threading.Thread(target=lambda: results.append(step()))
        thread.start()
        wait_until(when, "the worker to reach the point")
        workers_file = Path(f"/proc/{self.site.process.pid}/task/{self.site.process.pid}/children")
        [worker] = workers_file.read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        thread.join()
        return results[0]

    def is_back(self):
        try:
            return http_get(f"{self.site.url}/health/live/").status == 200
        except OSError:
            return False

    def settle(self):
        """Do what follows a crash: a new worker starts, and the reconciler runs."""
        self.shop.double.clear_faults()
        wait_until(self.is_back, "another worker to start")
        self.reconcile()
        invariants.check()

    def reconcile(self):
        """Run the reconciler until it has applied all events.

        On a busy machine Stripe may answer too late, or a day stay locked. Then the next run does it.
        """

        def are_applied():
            self.shop.reconcile()
            return not PaymentEvent.objects.filter(applied_at=None).exists()

        wait_until(are_applied, "all events to be applied")

    def has_received(self, call):
        before = self.shop.double.calls[call]
        return lambda: self.shop.double.calls[call] > before


@pytest.fixture
def killable(site, shop):
    killable_site = KillableSite(site, shop)
    wait_until(killable_site.is_back, "the site to start")
    return killable_site


def buy_after_restart(killable, moment):
    """Let the buyer try again and pay, and Stripe send the event. Expect one session and one moment."""
    shop = killable.shop
    assert "cs_test" in str(killable.post_pay(moment))
    shop.age_checkouts()
    shop.reconcile()
    ours = set(Checkout.objects.filter(order__moment=moment).values_list("key", flat=True))
    [session] = [one for one in shop.double.open_sessions() if one["metadata"]["key"] in ours]
    shop.double.pay(session["id"])
    assert killable.post_event(shop.double.events[-1]) == 200
    assert shop.state(moment) == OWNED
    assert shop.count_log_entries(moment, "paid") == 1
    invariants.check_settled()


def test_it_works(killable, claim):
    """Without killing anything."""
    buy_after_restart(killable, claim("1969-07-20"))


def test_killed_after_storing_the_checkout(killable, claim):
    """Fault 12: Stripe has not been called yet."""
    moment = claim("1969-07-20")
    killable.shop.double.stall(60, CREATE, times=None)
    assert killable.kill(lambda: killable.post_pay(moment), killable.has_received(CREATE)) is None
    assert Checkout.objects.get().session_id == ""
    killable.settle()
    buy_after_restart(killable, moment)
    assert Checkout.objects.count() == 1


def test_killed_after_stripe_created_the_session(killable, claim):
    """Fault 12: the same session is used again."""
    moment = claim("1969-07-20")
    killable.shop.double.slow(60, CREATE)

    def has_session():
        keys = [one["metadata"]["key"] for one in killable.shop.double.sessions()]
        return Checkout.objects.filter(key__in=keys).exists()

    assert killable.kill(lambda: killable.post_pay(moment), has_session) is None
    assert Checkout.objects.get().session_id == ""
    killable.settle()
    assert Checkout.objects.get().session_id
    buy_after_restart(killable, moment)
    assert Checkout.objects.count() == 1


def test_killed_after_storing_the_session(killable, claim):
    """The buyer was redirected to Stripe before."""
    moment = claim("1969-07-20")
    assert killable.post_pay(moment)
    killable.kill(lambda: None, lambda: True)
    killable.settle()
    buy_after_restart(killable, moment)


def paid_session(killable, moment):
    """Pay for a claim. Return the event of the payment."""
    assert killable.post_pay(moment)
    killable.shop.double.pay(Checkout.objects.get(order__moment=moment).session_id)
    return killable.shop.double.events[-1]


def assert_bought_once(killable, moment, event):
    assert killable.shop.state(moment) == OWNED
    assert killable.post_event(event) == 200  # Stripe repeats an event without a response
    killable.reconcile()
    assert killable.shop.state(moment) == OWNED
    assert killable.shop.count_log_entries(moment, "paid") == 1
    assert OrderEmail.objects.count() == 1
    invariants.check_settled()


def test_killed_after_storing_the_event(killable, claim):
    """Fault 10, fault 11: it was not applied yet."""
    moment = claim("1969-07-20")
    event = paid_session(killable, moment)
    fetch = "GET /v1/checkout/sessions/:id"
    killable.shop.double.stall(60, fetch, times=None)
    assert killable.kill(lambda: killable.post_event(event), killable.has_received(fetch)) == 0
    assert PaymentEvent.objects.get().applied_at is None
    killable.settle()
    assert_bought_once(killable, moment, event)


@pytest.fixture
def pause_at():
    """Return a function that makes PostgreSQL pause before it writes a row.

    The function returns another one, which tells whether PostgreSQL has paused.
    """
    tables = []
    with psycopg.connect(database_url().partition("&")[0], autocommit=True) as observer:

        def pause(table, operation, when):
            tables.append(table)
            observer.execute(
                f"""
                CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF {when} THEN PERFORM pg_advisory_xact_lock({LOCK}); END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER stop_here BEFORE {operation} ON {table}
                    FOR EACH ROW EXECUTE FUNCTION stop_here();
                """
            )
            observer.execute(f"SELECT pg_advisory_lock({LOCK})")
            return lambda: bool(waiting())

        def waiting():
            query = f"SELECT pid FROM pg_locks WHERE objid = {LOCK} AND NOT granted"
            return [pid for (pid,) in observer.execute(query)]

        def resume():
            """Let the dead worker's statement end. Its transaction must not be committed."""
            backends = waiting()
            observer.execute(f"SELECT pg_advisory_unlock({LOCK})")
            query_left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
            wait_until(
                lambda: observer.execute(query_left, [backends]).fetchone() == (0,), "it has ended"
            )
            drop_triggers()

        def drop_triggers():
            while tables:
                observer.execute(f"DROP TRIGGER stop_here ON {tables.pop()}")
                observer.execute("DROP FUNCTION stop_here()")

        pause.resume = resume
        yield pause
        observer.execute("SELECT pg_advisory_unlock_all()")
        drop_triggers()


@pytest.mark.postgresql
def test_killed_between_storing_the_session_id_and_the_state(killable, claim, pause_at):
    """Fault 12."""
    moment = claim("1969-07-20")
    is_paused = pause_at("checkouts", "UPDATE", "NEW.state = 'open'")
    assert killable.kill(lambda: killable.post_pay(moment), is_paused) is None
    pause_at.resume()
    killable.settle()
    buy_after_restart(killable, moment)
    assert Checkout.objects.count() == 1


IN_FULFIL = {
    "payment stored": ("checkouts", "UPDATE", "NEW.state = 'paid'"),
    "moment activated": ("moments", "UPDATE", "NEW.status = 'active'"),
    "order paid": ("orders", "UPDATE", "NEW.status = 'paid'"),
    "log written": ("order_entries", "INSERT", "NEW.message LIKE 'paid%'"),
    "mail queued": ("notices", "INSERT", "true"),
}
AFTER_COMMIT = {
    "sending begun": ("notices", "UPDATE", "NEW.state = 'sending'"),
    "mail sent": ("notices", "UPDATE", "NEW.state = 'sent'"),
    "event applied": ("payment_events", "UPDATE", "NEW.applied_at IS NOT NULL"),
}


@pytest.mark.postgresql
@pytest.mark.parametrize("point", IN_FULFIL)
def test_killed_while_fulfilling(killable, claim, pause_at, point):
    """Fault 10, fault 11: nothing is half-written, and the reconciler applies everything."""
    moment = claim("1969-07-20")
    event = paid_session(killable, moment)
    is_paused = pause_at(*IN_FULFIL[point])
    assert killable.kill(lambda: killable.post_event(event), is_paused) == 0
    pause_at.resume()
    assert killable.shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)
    assert not OrderEmail.objects.exists()
    killable.settle()
    assert_bought_once(killable, moment, event)


@pytest.mark.postgresql
@pytest.mark.parametrize("point", AFTER_COMMIT)
def test_killed_between_commit_and_response(killable, claim, pause_at, point):
    """Fault 10: nothing is done twice."""
    moment = claim("1969-07-20")
    event = paid_session(killable, moment)
    is_paused = pause_at(*AFTER_COMMIT[point])
    assert killable.kill(lambda: killable.post_event(event), is_paused) == 0
    pause_at.resume()
    assert killable.shop.state(moment) == OWNED
    killable.settle()
    assert_bought_once(killable, moment, event)


BUYERS, EACH = 34, 3  # 102 purchases; nobody holds more than three spans at a time


@pytest.fixture
def carts(transactional_db):
    """Held moments of many people, with their details."""
    people = [
        User.objects.create_user(f"buyer-{number}@example.org", f"buyer-{number}")
        for number in range(BUYERS)
    ]
    moments = []
    for number, person in enumerate(people):
        for minute in range(EACH):
            moment = holds.hold(
                person, span_of(f"2001-01-01T{number % 24:02}:{number // 24 * 10 + minute:02}:00Z")
            )
            details.update_details(moment, details.MomentDetails(f"Moment {number}.{minute}"))
            moments.append(moment)
    return moments


def test_deploy_during_a_hundred_purchases(killable, carts):
    """Fault 32: none fails, because the old workers finish their requests."""
    shop, failures, bought = killable.shop, [], []
    waiting = list(carts)

    def buy_some():
        try:
            while waiting:
                moment = waiting.pop()
                checkout_url = killable.post_pay(moment)
                checkout = Checkout.objects.filter(
                    order__moment=moment, url=str(checkout_url)
                ).first()
                if checkout is None:
                    failures.append(f"pay: {checkout_url}")
                    continue
                payment = shop.double.pay(checkout.session_id)["payment_intent"]
                events = shop.double.events_of("checkout.session.completed")
                [event] = [e for e in events if e["data"]["object"]["payment_intent"] == payment]
                if (status := killable.post_event(event)) != 200:
                    failures.append(f"webhook: {status}")
                bought.append(moment)
        finally:
            connection.close()

    buyers = [threading.Thread(target=buy_some) for _ in range(3)]
    for buyer in buyers:
        buyer.start()
    for share in (20, 60):
        wait_until(lambda share=share: len(bought) + len(failures) >= share, "people buy", 120)
        killable.site.process.send_signal(signal.SIGHUP)
    for buyer in buyers:
        buyer.join()
    assert failures == []
    assert {shop.state(moment) for moment in carts} == {OWNED}
    invariants.check_settled()
