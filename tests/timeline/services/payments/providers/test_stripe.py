"""Creating sessions at Stripe, and the meaning of its errors, against a double that keeps state."""

from __future__ import annotations

import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import timezone

from tests.support.payments import MakeRequest
from tests.support.servers import find_free_port
from tests.support.stripe_double import StripeDouble
from timeline.services.payments.providers.base import (
    ProviderFailed,
    ProviderRefused,
    ProviderUnavailable,
    SessionState,
)
from timeline.services.payments.providers.stripe import STRIPE_VERSION, StripeProvider

CREATE = "POST /v1/checkout/sessions"


def test_create_session(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    session = provider.create_session(make_request())
    assert session.state is SessionState.OPEN
    assert (session.key, session.reference) == ("order-1", "order")
    assert (session.amount, session.currency) == (600, "eur")
    assert session.url.startswith(f"{stripe_double.url}/c/pay/cs_test_")
    assert (session.payment_id, session.is_live) == ("", False)


def test_request_parameters(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    request = make_request()
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
    ("url", "expected"),
    [
        ("https://a.example/done/", "https://a.example/done/?session_id={CHECKOUT_SESSION_ID}"),
        ("https://a.example/?a=b", "https://a.example/?a=b&session_id={CHECKOUT_SESSION_ID}"),
        ("https://a.example/{CHECKOUT_SESSION_ID}", "https://a.example/{CHECKOUT_SESSION_ID}"),
    ],
)
def test_success_url_has_the_session_id(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    make_request: MakeRequest,
    url: str,
    expected: str,
):
    session = provider.create_session(make_request(success_url=url))
    assert stripe_double.get("session", session.id)["success_url"] == expected


def test_no_telemetry_is_sent(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    session = provider.create_session(make_request())
    provider.get_session(session.id)
    for call in stripe_double.requests:
        assert "x-stripe-client-telemetry" not in call.headers
        assert "platform" not in call.headers["x-stripe-client-user-agent"]


def test_same_key_returns_the_same_session(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Edge case 8."""
    first = provider.create_session(make_request())
    assert provider.create_session(make_request()) == first
    assert len(stripe_double.sessions()) == 1


def test_same_key_with_other_content_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    provider.create_session(make_request())
    with pytest.raises(ProviderRefused):
        provider.create_session(make_request(email="max@example.org"))
    assert len(stripe_double.sessions()) == 1


def test_concurrent_calls_with_one_key_create_one_session(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Edge case 8: on a double click, one call waits for the other or has to be retried."""

    def create(_: int) -> str:
        try:
            return provider.create_session(make_request()).id
        except ProviderUnavailable:
            return ""

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(create, range(8))) - {""}
    assert len(ids) == len(stripe_double.sessions()) == 1


def test_retry_after_a_timeout_returns_the_same_session(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 13."""
    stripe_double.slow(60, CREATE)
    with pytest.raises(ProviderUnavailable):
        provider.create_session(make_request())
    stripe_double.clear_faults()
    session = provider.create_session(make_request())
    assert [session.id] == [one["id"] for one in stripe_double.open_sessions()]


def test_lost_response_is_retried(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 13: the library retries with the same key."""
    stripe_double.drop(CREATE)
    session = provider.create_session(make_request())
    assert [session.id] == [one["id"] for one in stripe_double.sessions()]
    assert stripe_double.calls[CREATE] == 2


def test_session_whose_response_was_lost_is_listed(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 12: it is found by its key."""
    stripe_double.drop(CREATE, times=None)
    with pytest.raises(ProviderUnavailable):
        provider.create_session(make_request())
    [session] = provider.list_sessions(timezone.now() - dt.timedelta(minutes=15))
    assert (session.key, session.state) == ("order-1", SessionState.OPEN)


def test_stored_500_needs_another_key(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest
):
    """Fault 14: the session behind the 500 is listed and can be expired."""
    stripe_double.fail(CREATE)
    for _ in range(2):
        with pytest.raises(ProviderFailed):
            provider.create_session(make_request())
    second = provider.create_session(make_request("order-2"))
    listed = provider.list_sessions(timezone.now() - dt.timedelta(minutes=15))
    by_key = {session.key: session for session in listed}
    provider.expire_session(by_key["order-1"].id)
    assert [one["id"] for one in stripe_double.open_sessions()] == [second.id]


@pytest.mark.parametrize("status", [502, 503])
def test_busy_response_is_retried(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest, status: int
):
    stripe_double.respond_with(status, CREATE)
    assert provider.create_session(make_request()).state is SessionState.OPEN


@pytest.mark.parametrize(
    ("status", "code"), [(409, "lock_timeout"), (429, "rate_limit"), (503, ""), (504, "")]
)
def test_temporary_errors_mean_unavailable(
    stripe_double: StripeDouble,
    provider: StripeProvider,
    make_request: MakeRequest,
    status: int,
    code: str,
):
    stripe_double.respond_with(status, times=None, code=code)
    with pytest.raises(ProviderUnavailable):
        provider.create_session(make_request())
    with pytest.raises(ProviderUnavailable):
        provider.get_session("cs_test_1")
    with pytest.raises(ProviderUnavailable):
        list(provider.list_sessions(timezone.now()))


def test_refused_connection_means_unavailable(
    stripe_settings, short_timeouts: None, make_request: MakeRequest
):
    stripe_settings.STRIPE_API_URL = f"http://127.0.0.1:{find_free_port()}"
    with pytest.raises(ProviderUnavailable):
        StripeProvider().create_session(make_request())


@pytest.mark.parametrize(
    "invalid",
    [
        {"email": "nobody"},
        {"currency": "euros"},
        {"expires_at": timezone.now()},
        {"lines": ()},
        {"lines": (("A moment", 1),)},
        {"cancel_url": "/review/"},
    ],
)
def test_invalid_request_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest, invalid: dict
):
    with pytest.raises(ProviderRefused):
        provider.create_session(make_request(**invalid))
    assert stripe_double.sessions() == []


def test_wrong_secret_key_is_refused_and_logged(
    stripe_settings,
    short_timeouts: None,
    make_request: MakeRequest,
    caplog: pytest.LogCaptureFixture,
):
    stripe_settings.STRIPE_SECRET_KEY = "sk_test_of_somebody_else"
    with pytest.raises(ProviderRefused):
        StripeProvider().create_session(make_request())
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "STRIPE_SECRET_KEY" in record.getMessage()
    assert "of_somebody_else" not in caplog.text


def test_secret_key_without_permission_is_refused_and_logged(
    stripe_double: StripeDouble, provider: StripeProvider, caplog: pytest.LogCaptureFixture
):
    stripe_double.respond_with(403)
    with pytest.raises(ProviderRefused):
        provider.get_session("cs_test_1")
    assert "STRIPE_SECRET_KEY" in caplog.text


@pytest.mark.parametrize(
    ("key", "is_live"),
    [("sk_test_1", False), ("rk_test_1", False), ("sk_live_1", True), ("rk_live_1", True)],
)
def test_secret_key_tells_live_from_test_mode(settings, key: str, is_live: bool):
    """Fault 23."""
    settings.STRIPE_SECRET_KEY = key
    assert StripeProvider().is_live is is_live
