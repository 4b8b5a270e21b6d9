"""What Stripe says has become of a session, closing one, and the list of them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from tests.support.payments import MakeRequest
from tests.support.stripe_double import StripeDouble
from timeline.services.payments.providers import stripe as stripe_provider
from timeline.services.payments.providers.base import ProviderRefused, SessionState
from timeline.services.payments.providers.stripe import StripeProvider


def test_paid(stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest):
    opened = provider.create_session(asked())
    intent = stripe_double.pay(opened.id)["payment_intent"]
    session = provider.get_session(opened.id)
    assert (session.state, session.payment_id) == (SessionState.PAID, intent)
    assert (session.amount, session.currency, session.url) == (600, "eur", "")


def test_nothing_to_pay(stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest):
    """Edge case 12."""
    opened = provider.create_session(asked(lines=(("A moment", 0),), amount=0))
    stripe_double.pay(opened.id)
    session = provider.get_session(opened.id)
    assert (session.state, session.amount, session.payment_id) == (SessionState.PAID, 0, "")


def test_done_but_not_paid_yet(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 5."""
    opened = provider.create_session(asked())
    stripe_double.pay_unpaid(opened.id)
    session = provider.get_session(opened.id)
    assert session.state is SessionState.PENDING
    assert provider.get_payment(session.payment_id).captured == 0
    stripe_double.succeed_async(opened.id)
    assert provider.get_session(opened.id).state is SessionState.PAID
    assert provider.get_payment(session.payment_id).captured == 600


def test_the_money_did_not_come(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 6."""
    opened = provider.create_session(asked())
    stripe_double.pay_unpaid(opened.id)
    stripe_double.fail_async(opened.id)
    assert provider.get_session(opened.id).state is SessionState.FAILED
    [listed] = provider.list_sessions(timezone.now() - dt.timedelta(minutes=1))
    assert listed.state is SessionState.FAILED


def test_its_time_is_over_by_stripes_clock(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    opened = provider.create_session(asked())
    stripe_double.set_clock(32 * 60)
    assert provider.get_session(opened.id).state is SessionState.EXPIRED


def test_amount_and_currency_are_what_stripe_says(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 20: who compares them is not the provider."""
    opened = provider.create_session(asked())
    stripe_double.change(opened.id, amount=100, currency="usd")
    stripe_double.pay(opened.id)
    session = provider.get_session(opened.id)
    assert (session.amount, session.currency) == (100, "usd")


@pytest.mark.parametrize("session_id", ["cs_test_1", "../refunds", "cs_test_1?x=1", "é"])
def test_no_such_session(provider: StripeProvider, session_id: str):
    """Edge case 12: somebody made it up."""
    with pytest.raises(ProviderRefused):
        provider.get_session(session_id)


# Closing it


def test_an_open_session_is_closed(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    opened = provider.create_session(asked())
    assert provider.expire_session(opened.id).state is SessionState.EXPIRED
    assert stripe_double.open_sessions() == []


def test_closing_twice(stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest):
    opened = provider.create_session(asked())
    provider.expire_session(opened.id)
    assert provider.expire_session(opened.id).state is SessionState.EXPIRED


@pytest.mark.parametrize(
    ("way", "state"), [("pay", SessionState.PAID), ("pay_unpaid", SessionState.PENDING)]
)
def test_closing_finds_it_complete(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    asked: MakeRequest,
    way: str,
    state: SessionState,
):
    """Fault 17, edge case 9: it is a payment."""
    opened = provider.create_session(asked())
    getattr(stripe_double, way)(opened.id)
    session = provider.expire_session(opened.id)
    assert session.state is state
    assert session.payment_id


def test_closing_what_is_not_there(provider: StripeProvider):
    with pytest.raises(ProviderRefused):
        provider.expire_session("cs_test_1")


def test_closing_is_refused_and_it_stays_open(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    opened = provider.create_session(asked())
    stripe_double.answer(400, "POST *")
    with pytest.raises(ProviderRefused):
        provider.expire_session(opened.id)


# The list of them


def test_all_pages_newest_first(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    asked: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
):
    """Fault 9."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 2)
    keys = [f"order-{number}" for number in range(5)]
    for key in keys:
        provider.create_session(asked(key))
    stripe_double.pay(stripe_double.find("order-3"))
    listed = list(provider.list_sessions(timezone.now() - dt.timedelta(minutes=1)))
    assert [session.key for session in listed] == keys[::-1]
    assert listed[1].state is SessionState.PAID
    assert listed[1].payment_id
    assert stripe_double.calls["GET /v1/checkout/sessions"] == 3


def test_older_ones_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    provider.create_session(asked())
    stripe_double.set_clock(600)
    provider.create_session(asked("order-2", expires_at=timezone.now() + dt.timedelta(minutes=41)))
    listed = provider.list_sessions(timezone.now() + dt.timedelta(minutes=5))
    assert [session.key for session in listed] == ["order-2"]
