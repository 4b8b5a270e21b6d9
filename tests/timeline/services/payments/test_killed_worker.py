"""A gunicorn worker is killed wherever a purchase can be cut in two; nothing is lost, nothing is double.

Where it stops before it is killed is decided outside of it: the double holds an
answer back, or PostgreSQL does a statement, by a trigger that waits for a lock.
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
from tests.support.servers import ask, gunicorn, site_environment, wait_until
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
    long_lived_double.heal()


@pytest.fixture(scope="module")
def site(django_db_setup, long_lived_double, tmp_path_factory):
    """A served MomentVerse over the tests' own database."""
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


class Killed:
    """The site, with what is sent to it and what it stops at."""

    def __init__(self, site, shop):
        self.site, self.shop = site, shop

    def press_pay(self, moment):
        """Send the form from a browser; return where it leads, or nothing when no answer comes."""
        path = reverse("timeline:claim-pay", args=[moment.pk])
        try:
            status, leads_to = Person(moment.user).post(self.site.url, path)
        except (OSError, HTTPException):
            return None
        return leads_to if status == 303 else status

    def tell(self, event):
        """Post a message of Stripe's; return the status, 0 when no answer comes."""
        url = self.site.url + reverse("timeline:stripe-webhook")
        return post(url, self.shop.double.signed(event))

    def kill(self, step, when):
        """Begin a step, kill the worker as soon as ``when()`` holds; return the step's answer."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(step()))
        thread.start()
        wait_until(when, "the worker is where it is to be killed")
        children = Path(f"/proc/{self.site.process.pid}/task/{self.site.process.pid}/children")
        [worker] = children.read_text().split()
        os.kill(int(worker), signal.SIGKILL)
        thread.join()
        return answers[0]

    def is_back(self):
        try:
            return ask(f"{self.site.url}/health/live/").status == 200
        except OSError:
            return False

    def settle(self):
        """Do what comes after a crash, by the clock and by Stripe: the worker's turn, messages again."""
        self.shop.double.heal()
        wait_until(self.is_back, "another worker is there")
        self.shop.reconcile()
        invariants.check()

    def called(self, call):
        before = self.shop.double.calls[call]
        return lambda: self.shop.double.calls[call] > before


@pytest.fixture
def killed(site, shop):
    made = Killed(site, shop)
    wait_until(made.is_back, "the site is served")
    return made


def buy_after_all(killed, moment):
    """The buyer tries again, pays, and Stripe tells it: one session, one moment."""
    shop = killed.shop
    assert "cs_test" in str(killed.press_pay(moment))
    shop.let_intentions_age()
    shop.reconcile()
    ours = set(Checkout.objects.filter(order__moment=moment).values_list("key", flat=True))
    [session] = [one for one in shop.double.open_sessions() if one["metadata"]["key"] in ours]
    shop.double.pay(session["id"])
    assert killed.tell(shop.double.events[-1]) == 200
    assert shop.state(moment) == OWNED
    assert shop.times(moment, "paid") == 1
    invariants.check_settled()


def test_it_works(killed, claim):
    """Without being killed."""
    buy_after_all(killed, claim("1969-07-20"))


def test_after_the_intention_was_stored(killed, claim):
    """Fault 12: Stripe has not been asked yet."""
    moment = claim("1969-07-20")
    killed.shop.double.stall(60, CREATE, times=None)
    assert killed.kill(lambda: killed.press_pay(moment), killed.called(CREATE)) is None
    assert Checkout.objects.get().session_id == ""
    killed.settle()
    buy_after_all(killed, moment)
    assert Checkout.objects.count() == 1


def test_after_stripe_has_made_the_session(killed, claim):
    """Fault 12: the same session is found again."""
    moment = claim("1969-07-20")
    killed.shop.double.slow(60, CREATE)

    def made():
        keys = [one["metadata"]["key"] for one in killed.shop.double.sessions()]
        return Checkout.objects.filter(key__in=keys).exists()

    assert killed.kill(lambda: killed.press_pay(moment), made) is None
    assert Checkout.objects.get().session_id == ""
    killed.settle()
    assert Checkout.objects.get().session_id
    buy_after_all(killed, moment)
    assert Checkout.objects.count() == 1


def test_after_the_session_was_saved(killed, claim):
    """The buyer is led to Stripe, and the site dies."""
    moment = claim("1969-07-20")
    assert killed.press_pay(moment)
    killed.kill(lambda: None, lambda: True)
    killed.settle()
    buy_after_all(killed, moment)


def paid_session(killed, moment):
    """Return the message that a claim was paid."""
    assert killed.press_pay(moment)
    killed.shop.double.pay(Checkout.objects.get(order__moment=moment).session_id)
    return killed.shop.double.events[-1]


def assert_bought_once(killed, moment, event):
    assert killed.shop.state(moment) == OWNED
    assert killed.tell(event) == 200  # Stripe sends again what was not answered
    killed.shop.reconcile()
    assert killed.shop.state(moment) == OWNED
    assert killed.shop.times(moment, "paid") == 1
    assert OrderEmail.objects.count() == 1
    invariants.check_settled()


def test_after_the_event_was_stored(killed, claim):
    """Fault 10, fault 11: before it was applied."""
    moment = claim("1969-07-20")
    event = paid_session(killed, moment)
    look = "GET /v1/checkout/sessions/:id"
    killed.shop.double.stall(60, look, times=None)
    assert killed.kill(lambda: killed.tell(event), killed.called(look)) == 0
    assert PaymentEvent.objects.get().applied_at is None
    killed.settle()
    assert_bought_once(killed, moment, event)


@pytest.fixture
def stop_at():
    """Return a function that lets PostgreSQL wait before a row is written, and tells when it does."""
    tables = []
    with psycopg.connect(database_url().partition("&")[0], autocommit=True) as outside:

        def stop(table, what, when):
            tables.append(table)
            outside.execute(
                f"""
                CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF {when} THEN PERFORM pg_advisory_xact_lock({LOCK}); END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER stop_here BEFORE {what} ON {table}
                    FOR EACH ROW EXECUTE FUNCTION stop_here();
                """
            )
            outside.execute(f"SELECT pg_advisory_lock({LOCK})")
            return lambda: bool(waiting())

        def waiting():
            query = f"SELECT pid FROM pg_locks WHERE objid = {LOCK} AND NOT granted"
            return [pid for (pid,) in outside.execute(query)]

        def go_on():
            """Let the statement of the dead worker end; its transaction must not be committed."""
            ghosts = waiting()
            outside.execute(f"SELECT pg_advisory_unlock({LOCK})")
            left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
            wait_until(lambda: outside.execute(left, [ghosts]).fetchone() == (0,), "it has ended")
            clean()

        def clean():
            while tables:
                outside.execute(f"DROP TRIGGER stop_here ON {tables.pop()}")
                outside.execute("DROP FUNCTION stop_here()")

        stop.go_on = go_on
        yield stop
        outside.execute("SELECT pg_advisory_unlock_all()")
        clean()


@pytest.mark.postgresql
def test_between_the_sessions_id_and_its_state(killed, claim, stop_at):
    """Fault 12."""
    moment = claim("1969-07-20")
    stopped = stop_at("checkouts", "UPDATE", "NEW.state = 'open'")
    assert killed.kill(lambda: killed.press_pay(moment), stopped) is None
    stop_at.go_on()
    killed.settle()
    buy_after_all(killed, moment)
    assert Checkout.objects.count() == 1


IN_FULFIL = {
    "payment noted": ("checkouts", "UPDATE", "NEW.state = 'paid'"),
    "moment activated": ("moments", "UPDATE", "NEW.status = 'active'"),
    "order paid": ("orders", "UPDATE", "NEW.status = 'paid'"),
    "log written": ("order_entries", "INSERT", "NEW.message LIKE 'paid%'"),
    "mail owed": ("notices", "INSERT", "true"),
}
AFTER_COMMIT = {
    "mail begun": ("notices", "UPDATE", "NEW.state = 'sending'"),
    "mail sent": ("notices", "UPDATE", "NEW.state = 'sent'"),
    "event applied": ("payment_events", "UPDATE", "NEW.applied_at IS NOT NULL"),
}


@pytest.mark.postgresql
@pytest.mark.parametrize("point", IN_FULFIL)
def test_in_the_middle_of_fulfilling(killed, claim, stop_at, point):
    """Fault 10, fault 11: nothing is half-written; the reconciler applies it whole."""
    moment = claim("1969-07-20")
    event = paid_session(killed, moment)
    stopped = stop_at(*IN_FULFIL[point])
    assert killed.kill(lambda: killed.tell(event), stopped) == 0
    stop_at.go_on()
    assert killed.shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)
    assert not OrderEmail.objects.exists()
    killed.settle()
    assert_bought_once(killed, moment, event)


@pytest.mark.postgresql
@pytest.mark.parametrize("point", AFTER_COMMIT)
def test_after_our_commit_before_the_answer(killed, claim, stop_at, point):
    """Fault 10: nothing double."""
    moment = claim("1969-07-20")
    event = paid_session(killed, moment)
    stopped = stop_at(*AFTER_COMMIT[point])
    assert killed.kill(lambda: killed.tell(event), stopped) == 0
    stop_at.go_on()
    assert killed.shop.state(moment) == OWNED
    killed.settle()
    assert_bought_once(killed, moment, event)


BUYERS, EACH = 34, 3  # 102 purchases; nobody holds more than three spans at a time


@pytest.fixture
def carts(transactional_db):
    """What many people have chosen, and described."""
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


def test_a_deploy_in_the_middle_of_a_hundred_purchases(killed, carts):
    """Fault 32: none fails; the old workers finish what they have begun."""
    shop, failures, bought = killed.shop, [], []
    waiting = list(carts)

    def buy_some():
        try:
            while waiting:
                moment = waiting.pop()
                till = killed.press_pay(moment)
                checkout = Checkout.objects.filter(order__moment=moment, url=str(till)).first()
                if checkout is None:
                    failures.append(f"pay: {till}")
                    continue
                payment = shop.double.pay(checkout.session_id)["payment_intent"]
                events = shop.double.events_of("checkout.session.completed")
                [event] = [e for e in events if e["data"]["object"]["payment_intent"] == payment]
                if (status := killed.tell(event)) != 200:
                    failures.append(f"message: {status}")
                bought.append(moment)
        finally:
            connection.close()

    buyers = [threading.Thread(target=buy_some) for _ in range(3)]
    for buyer in buyers:
        buyer.start()
    for share in (20, 60):
        wait_until(lambda share=share: len(bought) + len(failures) >= share, "people buy", 120)
        killed.site.process.send_signal(signal.SIGHUP)
    for buyer in buyers:
        buyer.join()
    assert failures == []
    assert {shop.state(moment) for moment in carts} == {OWNED}
    invariants.check_settled()
