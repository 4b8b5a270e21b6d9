"""A Stripe to pay at."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from tests.support import invariants
from tests.support.stripe_double import StripeDouble
from tests.support.stripe_double.messages import altered
from timeline.models import Checkout, CheckoutState, Moment, Order
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers import stripe as stripe_provider
from timeline.services.payments.providers.base import SessionRequest
from timeline.services.payments.providers.stripe import StripeProvider

CREATE = "POST /v1/checkout/sessions"
MakeRequest = Callable[..., SessionRequest]


@pytest.fixture
def stripe_double() -> Iterator[StripeDouble]:
    """A Stripe of the test's own."""
    with StripeDouble() as double:
        yield double


@pytest.fixture
def stripe_settings(stripe_double: StripeDouble, settings: Any) -> Iterator[Any]:
    """Settings with which payments go to the double."""
    for name, value in stripe_double.environment().items():
        setattr(settings, name, value)
    get_provider.cache_clear()
    yield settings
    get_provider.cache_clear()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a second for Stripe, not eight, and hardly before asking again."""
    monkeypatch.setattr(stripe_provider, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)


@pytest.fixture
def provider(impatient: None, stripe_settings: Any) -> StripeProvider:
    """Our side of the double."""
    return StripeProvider()


@pytest.fixture
def asked() -> MakeRequest:
    """Return a function that makes what a session is asked for with: ``asked("order-1")``."""
    # The same key asks for the same: to the second.
    expires_at = (timezone.now() + dt.timedelta(minutes=31)).replace(microsecond=0)

    def make(key: str = "order-1", **fields: Any) -> SessionRequest:
        lines = (("A moment, its first hour included", 500), ("2 further hours", 100))
        return SessionRequest(
            **{
                "key": key,
                "reference": "order",
                "description": "MomentVerse, order",
                "lines": lines,
                "amount": 600,
                "currency": "eur",
                "email": "eve@example.org",
                "expires_at": expires_at,
                "success_url": "https://momentverse.example/done/",
                "cancel_url": "https://momentverse.example/review/",
            }
            | fields
        )

    return make


class Shop:
    """What a buyer, Stripe and the worker do, through pages, messages and commands."""

    def __init__(self, double: StripeDouble) -> None:
        self.double = double

    @staticmethod
    def browser(user: User) -> Client:
        """A browser of somebody's, which shows error pages."""
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    def go_to_the_till(self, moment: Moment) -> str:
        """Press “pay”; return the session at Stripe that it leads to."""
        answer = self.press_pay(moment)
        assert answer.status_code == 303, answer.content.decode()
        session = Checkout.objects.get(order__moment=moment, url=answer["Location"]).session_id
        assert session
        return session

    def press_pay(self, moment: Moment) -> HttpResponse:
        return self.browser(moment.user).post(reverse("timeline:claim-pay", args=[moment.pk]))

    def lose_the_answer(self, moment: Moment) -> str:
        """Press “pay”, and Stripe's answer never comes; return the session that it has made."""
        self.double.drop(CREATE, times=None)
        assert self.press_pay(moment).status_code == 503
        self.double.heal()
        return self.double.find(Checkout.objects.get(order__moment=moment).key)

    def open_two(self, moment: Moment) -> tuple[str, str]:
        """Press “pay”, and Stripe says 500 though it has made a session; return it and the next try's."""
        self.double.fail(CREATE)
        second = self.go_to_the_till(moment)
        abandoned = Checkout.objects.get(order__moment=moment, state=CheckoutState.ABANDONED)
        return self.double.find(abandoned.key), second

    @staticmethod
    def erase(user: User) -> None:
        """Let an account's time have come, and erase it."""
        User.objects.filter(pk=user.pk).update(erase_after=timezone.now() - dt.timedelta(days=1))
        call_command("erase_accounts")

    def come_back(self, moment: Moment) -> HttpResponse:
        """Open the page that Stripe leads back to."""
        return self.browser(moment.user).get(reverse("timeline:claim-done", args=[moment.pk]))

    def buy(self, moment: Moment) -> str:
        """Pay, with the message of it; return the payment's id."""
        payment = self.double.pay(self.go_to_the_till(moment))["payment_intent"]
        assert self.deliver(self.double.events[-1]) == [200]
        return str(payment)

    def deliver(self, *events: Any, tampered: bool = False, **signing: Any) -> list[int]:
        """Post messages as Stripe does, all of them where none is given; return the statuses."""
        return [
            self.post(*self.double.signed(event, **signing), tampered=tampered)
            for event in events or self.double.events_of()
        ]

    @staticmethod
    def post(body: bytes, signature: str, *, tampered: bool = False) -> int:
        client = Client(raise_request_exception=False)
        return client.post(
            reverse("timeline:stripe-webhook"),
            altered(body) if tampered else body,
            content_type="application/json; charset=utf-8",
            headers={"Stripe-Signature": signature},
        ).status_code

    @staticmethod
    def reconcile() -> str:
        """Ask Stripe about all that is open; return what the command says it did."""
        said = io.StringIO()
        call_command("reconcile_payments", stdout=said)
        return said.getvalue()

    @staticmethod
    def let_intentions_age() -> None:
        """Let what was intended be too old for an answer to be still under way."""
        hour = dt.timedelta(hours=1)
        Checkout.objects.update(created_at=F("created_at") - hour)

    def state(self, moment: Moment) -> tuple[str, str]:
        """Return what the database says: the moment's state and the order's."""
        stored = Order.objects.select_related("moment").get(moment=moment)
        return stored.moment.status, stored.status

    def times(self, moment: Moment, what: str) -> int:
        """Return how often the order's log says that something happened."""
        return Order.objects.get(moment=moment).log_entries.filter(message__startswith=what).count()


@pytest.fixture
def shop(
    transactional_db: None, impatient: None, stripe_double: StripeDouble, stripe_settings: Any
) -> Iterator[Shop]:
    """The whole of buying; afterwards nothing may be lost, whatever the test did."""
    yield Shop(stripe_double)
    invariants.check()
    connection.close()
