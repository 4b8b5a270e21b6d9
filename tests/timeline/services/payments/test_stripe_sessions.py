"""Checkout sessions at Stripe: their state, expiring one, and the list of them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from tests.support.payments import MakeRequest
from tests.support.stripe_double import StripeDouble
from timeline.services.payments.providers import stripe as stripe_provider
from timeline.services.payments.providers.base import ProviderRefused, SessionState
from timeline.services.payments.providers.stripe import StripeProvider


def test_paid_session(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    opened = provider.create_session(make_request())
    intent = stripe_double.pay(opened.id)["payment_intent"]
    session = provider.get_session(opened.id)
    assert (session.state, session.payment_id) == (SessionState.PAID, intent)
    assert (session.amount, session.currency, session.url) == (600, "eur", "")


def test_session_with_nothing_to_pay_is_paid(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Edge case 12."""
    opened = provider.create_session(make_request(lines=(("A moment", 0),), amount=0))
    stripe_double.pay(opened.id)
    session = provider.get_session(opened.id)
    assert (session.state, session.amount, session.payment_id) == (SessionState.PAID, 0, "")


def test_completed_session_without_money_is_pending(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 5."""
    opened = provider.create_session(make_request())
    stripe_double.pay_async(opened.id)
    session = provider.get_session(opened.id)
    assert session.state is SessionState.PENDING
    assert provider.get_payment(session.payment_id).captured == 0
    stripe_double.succeed_async(opened.id)
    assert provider.get_session(opened.id).state is SessionState.PAID
    assert provider.get_payment(session.payment_id).captured == 600


def test_session_whose_money_never_arrives_has_failed(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 6."""
    opened = provider.create_session(make_request())
    stripe_double.pay_async(opened.id)
    stripe_double.fail_async(opened.id)
    assert provider.get_session(opened.id).state is SessionState.FAILED
    [listed] = provider.list_sessions(timezone.now() - dt.timedelta(minutes=1))
    assert listed.state is SessionState.FAILED


def test_session_expires_by_stripes_clock(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    opened = provider.create_session(make_request())
    stripe_double.set_clock(32 * 60)
    assert provider.get_session(opened.id).state is SessionState.EXPIRED


def test_amount_and_currency_come_from_stripe(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 20: ``settle`` compares them with the order, not the provider."""
    opened = provider.create_session(make_request())
    stripe_double.change_session(opened.id, amount=100, currency="usd")
    stripe_double.pay(opened.id)
    session = provider.get_session(opened.id)
    assert (session.amount, session.currency) == (100, "usd")


@pytest.mark.parametrize("session_id", ["cs_test_1", "../refunds", "cs_test_1?x=1", "é"])
def test_unknown_session_is_refused(provider: StripeProvider, session_id: str):
    """Edge case 12."""
    with pytest.raises(ProviderRefused):
        provider.get_session(session_id)


# Expiring


def test_expire_open_session(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    opened = provider.create_session(make_request())
    assert provider.expire_session(opened.id).state is SessionState.EXPIRED
    assert stripe_double.open_sessions() == []


def test_expire_twice(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    opened = provider.create_session(make_request())
    provider.expire_session(opened.id)
    assert provider.expire_session(opened.id).state is SessionState.EXPIRED


@pytest.mark.parametrize(
    ("method", "state"), [("pay", SessionState.PAID), ("pay_async", SessionState.PENDING)]
)
def test_expire_returns_a_completed_session(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    make_request: MakeRequest,
    method: str,
    state: SessionState,
):
    """Fault 17, edge case 9."""
    opened = provider.create_session(make_request())
    getattr(stripe_double, method)(opened.id)
    session = provider.expire_session(opened.id)
    assert session.state is state
    assert session.payment_id


def test_expire_unknown_session_is_refused(provider: StripeProvider):
    with pytest.raises(ProviderRefused):
        provider.expire_session("cs_test_1")


def test_refused_expiry_of_an_open_session_is_an_error(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    opened = provider.create_session(make_request())
    stripe_double.respond_with(400, "POST *")
    with pytest.raises(ProviderRefused):
        provider.expire_session(opened.id)


# The list


def test_all_pages_are_listed_newest_first(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
):
    """Fault 9."""
    monkeypatch.setattr(stripe_provider, "PAGE_SIZE", 2)
    keys = [f"order-{number}" for number in range(5)]
    for key in keys:
        provider.create_session(make_request(key))
    stripe_double.pay(stripe_double.find_session("order-3"))
    listed = list(provider.list_sessions(timezone.now() - dt.timedelta(minutes=1)))
    assert [session.key for session in listed] == keys[::-1]
    assert listed[1].state is SessionState.PAID
    assert listed[1].payment_id
    assert stripe_double.calls["GET /v1/checkout/sessions"] == 3


def test_older_sessions_are_not_listed(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    provider.create_session(make_request())
    stripe_double.set_clock(600)
    provider.create_session(
        make_request("order-2", expires_at=timezone.now() + dt.timedelta(minutes=41))
    )
    listed = provider.list_sessions(timezone.now() + dt.timedelta(minutes=5))
    assert [session.key for session in listed] == ["order-2"]
