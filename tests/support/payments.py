"""Fixtures for tests of payments: a double of Stripe, and a shop that buys through the site."""

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
from tests.support.stripe_double.messages import tamper
from timeline.models import Checkout, CheckoutState, Moment, Order
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers import stripe as stripe_provider
from timeline.services.payments.providers.base import SessionRequest
from timeline.services.payments.providers.stripe import StripeProvider

CREATE = "POST /v1/checkout/sessions"
MakeRequest = Callable[..., SessionRequest]


@pytest.fixture
def stripe_double() -> Iterator[StripeDouble]:
    """A double of Stripe for one test."""
    with StripeDouble() as double:
        yield double


@pytest.fixture
def stripe_settings(stripe_double: StripeDouble, settings: Any) -> Iterator[Any]:
    """The settings, changed so that payments use the double."""
    for name, value in stripe_double.environment().items():
        setattr(settings, name, value)
    get_provider.cache_clear()
    yield settings
    get_provider.cache_clear()


@pytest.fixture
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait one second for Stripe instead of eight, and retry almost at once."""
    monkeypatch.setattr(stripe_provider, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.02)


@pytest.fixture
def provider(short_timeouts: None, stripe_settings: Any) -> StripeProvider:
    """A provider that calls the double."""
    return StripeProvider()


@pytest.fixture
def make_request() -> MakeRequest:
    """Return a function that builds a session request: ``make_request("order-1")``."""
    # The same key must come with the same content, to the second.
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
    """Acts as the buyer, as Stripe and as the worker, through pages, webhooks and commands."""

    def __init__(self, double: StripeDouble) -> None:
        self.double = double

    @staticmethod
    def client_for(user: User) -> Client:
        """Return a client that is logged in as ``user`` and returns error pages instead of raising."""
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    def start_checkout(self, moment: Moment) -> str:
        """Press “pay”. Return the id of the Stripe session that it redirects to."""
        response = self.post_pay(moment)
        assert response.status_code == 303, response.content.decode()
        session = Checkout.objects.get(order__moment=moment, url=response["Location"]).session_id
        assert session
        return session

    def post_pay(self, moment: Moment) -> HttpResponse:
        return self.client_for(moment.user).post(reverse("timeline:claim-pay", args=[moment.pk]))

    def lose_session_response(self, moment: Moment) -> str:
        """Press “pay” while Stripe's response is lost. Return the id of the session that Stripe created."""
        self.double.drop(CREATE, times=None)
        assert self.post_pay(moment).status_code == 503
        self.double.clear_faults()
        return self.double.find_session(Checkout.objects.get(order__moment=moment).key)

    def open_two_sessions(self, moment: Moment) -> tuple[str, str]:
        """Press “pay” while Stripe creates a session but responds with 500. Return both sessions' ids."""
        self.double.fail(CREATE)
        second = self.start_checkout(moment)
        abandoned = Checkout.objects.get(order__moment=moment, state=CheckoutState.ABANDONED)
        return self.double.find_session(abandoned.key), second

    @staticmethod
    def erase_account(user: User) -> None:
        """Erase an account, as if its deletion were due."""
        User.objects.filter(pk=user.pk).update(erase_after=timezone.now() - dt.timedelta(days=1))
        call_command("erase_accounts")

    def open_return_page(self, moment: Moment) -> HttpResponse:
        """Open the page that Stripe redirects back to."""
        return self.client_for(moment.user).get(reverse("timeline:claim-done", args=[moment.pk]))

    def buy(self, moment: Moment) -> str:
        """Pay and deliver the event. Return the id of the payment."""
        payment = self.double.pay(self.start_checkout(moment))["payment_intent"]
        assert self.deliver(self.double.events[-1]) == [200]
        return str(payment)

    def deliver(self, *events: Any, tampered: bool = False, **signing: Any) -> list[int]:
        """Post these events, or all events, as Stripe does. Return the statuses."""
        return [
            self.post_webhook(*self.double.signed(event, **signing), tampered=tampered)
            for event in events or self.double.events_of()
        ]

    @staticmethod
    def post_webhook(body: bytes, signature: str, *, tampered: bool = False) -> int:
        client = Client(raise_request_exception=False)
        return client.post(
            reverse("timeline:stripe-webhook"),
            tamper(body) if tampered else body,
            content_type="application/json; charset=utf-8",
            headers={"Stripe-Signature": signature},
        ).status_code

    @staticmethod
    def reconcile() -> str:
        """Run ``reconcile_payments`` and return its output."""
        output = io.StringIO()
        call_command("reconcile_payments", stdout=output)
        return output.getvalue()

    @staticmethod
    def age_checkouts() -> None:
        """Make all checkouts an hour older: too old for Stripe's response to be still on its way."""
        hour = dt.timedelta(hours=1)
        Checkout.objects.update(created_at=F("created_at") - hour)

    def state(self, moment: Moment) -> tuple[str, str]:
        """Return the stored status of the moment and of its order."""
        stored = Order.objects.select_related("moment").get(moment=moment)
        return stored.moment.status, stored.status

    def count_log_entries(self, moment: Moment, start: str) -> int:
        """Return how many lines of the order's log begin with ``start``."""
        return (
            Order.objects.get(moment=moment).log_entries.filter(message__startswith=start).count()
        )


@pytest.fixture
def shop(
    transactional_db: None, short_timeouts: None, stripe_double: StripeDouble, stripe_settings: Any
) -> Iterator[Shop]:
    """A shop. After the test the invariants must hold, whatever the test did."""
    yield Shop(stripe_double)
    invariants.check()
    connection.close()
