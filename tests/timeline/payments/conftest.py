"""A Stripe to pay at."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from django.utils import timezone

from tests.stripe_double import StripeDouble
from timeline.payments.providers import provider_named
from timeline.payments.providers.base import SessionRequest
from timeline.payments.providers.stripe import provider as stripe_provider
from timeline.payments.providers.stripe.provider import StripeProvider

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
    provider_named.cache_clear()
    yield settings
    provider_named.cache_clear()


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
