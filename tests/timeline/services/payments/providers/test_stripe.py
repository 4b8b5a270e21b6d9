"""Opening a session at Stripe, and what its errors mean; against a double that keeps state."""

from __future__ import annotations

import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import timezone

from tests.support.payments import MakeRequest
from tests.support.servers import free_port
from tests.support.stripe_double import StripeDouble
from timeline.services.payments.providers.base import (
    ProviderFailed,
    ProviderRefused,
    ProviderUnavailable,
    SessionState,
)
from timeline.services.payments.providers.stripe import STRIPE_VERSION, StripeProvider

CREATE = "POST /v1/checkout/sessions"


def test_a_session_is_opened(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    session = provider.create_session(asked())
    assert session.state is SessionState.OPEN
    assert (session.key, session.reference) == ("order-1", "order")
    assert (session.amount, session.currency) == (600, "eur")
    assert session.url.startswith(f"{stripe_double.url}/c/pay/cs_test_")
    assert (session.payment_id, session.is_live) == ("", False)


def test_what_stripe_is_asked_for(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    request = asked()
    provider.create_session(request)
    [call] = stripe_double.requests
    assert call.headers["stripe-version"] == STRIPE_VERSION
    assert call.headers["idempotency-key"] == "order-1"
    metadata = {"key": "order-1", "reference": "order"}
    assert call.params["metadata"] == metadata
    assert call.params["payment_intent_data"]["metadata"] == metadata
    assert call.params["client_reference_id"] == "order"
    assert call.params["customer_email"] == "eve@example.org"
    assert call.params["expires_at"] == str(int(request.expires_at.timestamp()))
    amounts = [line["price_data"]["unit_amount"] for line in call.params["line_items"].values()]
    assert amounts == ["500", "100"]


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://a.example/done/", "https://a.example/done/?session_id={CHECKOUT_SESSION_ID}"),
        ("https://a.example/?a=b", "https://a.example/?a=b&session_id={CHECKOUT_SESSION_ID}"),
        ("https://a.example/{CHECKOUT_SESSION_ID}", "https://a.example/{CHECKOUT_SESSION_ID}"),
    ],
)
def test_the_way_back_carries_the_session(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest, url: str, sent: str
):
    session = provider.create_session(asked(success_url=url))
    assert stripe_double.get("session", session.id)["success_url"] == sent


def test_nothing_tells_of_the_machine(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    session = provider.create_session(asked())
    provider.get_session(session.id)
    for call in stripe_double.requests:
        assert "x-stripe-client-telemetry" not in call.headers
        assert "platform" not in call.headers["x-stripe-client-user-agent"]


def test_the_same_key_finds_the_same_session(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Edge case 8."""
    first = provider.create_session(asked())
    assert provider.create_session(asked()) == first
    assert len(stripe_double.sessions()) == 1


def test_the_same_key_for_something_else_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    provider.create_session(asked())
    with pytest.raises(ProviderRefused):
        provider.create_session(asked(email="max@example.org"))
    assert len(stripe_double.sessions()) == 1


def test_at_once_with_one_key_one_session_is_opened(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Edge case 8: of a double click, one waits for the other or is told to ask again."""

    def create(_: int) -> str:
        try:
            return provider.create_session(asked()).id
        except ProviderUnavailable:
            return ""

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(create, range(8))) - {""}
    assert len(ids) == len(stripe_double.sessions()) == 1


def test_no_answer_in_time_then_the_same_session(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 13."""
    stripe_double.slow(60, CREATE)
    with pytest.raises(ProviderUnavailable):
        provider.create_session(asked())
    stripe_double.heal()
    session = provider.create_session(asked())
    assert [session.id] == [one["id"] for one in stripe_double.open_sessions()]


def test_a_lost_answer_is_asked_for_again(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 13: the library repeats with the same key."""
    stripe_double.drop(CREATE)
    session = provider.create_session(asked())
    assert [session.id] == [one["id"] for one in stripe_double.sessions()]
    assert stripe_double.calls[CREATE] == 2


def test_a_session_whose_answer_was_lost_for_good_is_listed(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 12: found by its key."""
    stripe_double.drop(CREATE, times=None)
    with pytest.raises(ProviderUnavailable):
        provider.create_session(asked())
    [session] = provider.list_sessions(timezone.now() - dt.timedelta(minutes=15))
    assert (session.key, session.state) == ("order-1", SessionState.OPEN)


def test_a_kept_500_stays_and_another_key_helps(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest
):
    """Fault 14: the session behind the 500 is found, and closed."""
    stripe_double.fail(CREATE)
    for _ in range(2):
        with pytest.raises(ProviderFailed):
            provider.create_session(asked())
    second = provider.create_session(asked("order-2"))
    listed = provider.list_sessions(timezone.now() - dt.timedelta(minutes=15))
    by_key = {session.key: session for session in listed}
    provider.expire_session(by_key["order-1"].id)
    assert [one["id"] for one in stripe_double.open_sessions()] == [second.id]


@pytest.mark.parametrize("status", [502, 503])
def test_a_stripe_that_is_busy_once_is_asked_again(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest, status: int
):
    stripe_double.answer(status, CREATE)
    assert provider.create_session(asked()).state is SessionState.OPEN


@pytest.mark.parametrize(
    ("status", "code"), [(409, "lock_timeout"), (429, "rate_limit"), (503, ""), (504, "")]
)
def test_later_means_unavailable(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    asked: MakeRequest,
    status: int,
    code: str,
):
    stripe_double.answer(status, times=None, code=code)
    with pytest.raises(ProviderUnavailable):
        provider.create_session(asked())
    with pytest.raises(ProviderUnavailable):
        provider.get_session("cs_test_1")
    with pytest.raises(ProviderUnavailable):
        list(provider.list_sessions(timezone.now()))


def test_nobody_listens(stripe_settings, impatient: None, asked: MakeRequest):
    stripe_settings.STRIPE_API_URL = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ProviderUnavailable):
        StripeProvider().create_session(asked())


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"currency": "euros"},
        {"expires_at": timezone.now()},
        {"lines": ()},
        {"lines": (("A moment", 1),)},
        {"cancel_url": "/review/"},
    ],
)
def test_what_can_never_succeed_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest, wrong: dict
):
    with pytest.raises(ProviderRefused):
        provider.create_session(asked(**wrong))
    assert stripe_double.sessions() == []


def test_a_wrong_key_is_refused_and_logged(
    stripe_settings, impatient: None, asked: MakeRequest, caplog: pytest.LogCaptureFixture
):
    stripe_settings.STRIPE_SECRET_KEY = "sk_test_of_somebody_else"
    with pytest.raises(ProviderRefused):
        StripeProvider().create_session(asked())
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "STRIPE_SECRET_KEY" in record.getMessage()
    assert "of_somebody_else" not in caplog.text


def test_a_key_that_may_not_is_refused_and_logged(
    stripe_double: StripeDouble, provider: StripeProvider, caplog: pytest.LogCaptureFixture
):
    stripe_double.answer(403)
    with pytest.raises(ProviderRefused):
        provider.get_session("cs_test_1")
    assert "STRIPE_SECRET_KEY" in caplog.text


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True)],
)
def test_the_key_says_whether_money_is_real(settings, key: str, live: bool):
    """Fault 23."""
    settings.STRIPE_SECRET_KEY = key
    assert StripeProvider().is_live is live
