"""Captured payments at Stripe: their state, and refunds."""

from __future__ import annotations

import pytest

from tests.support.payments import MakeRequest
from tests.support.stripe_double import StripeDouble
from timeline.services.payments.providers.base import (
    Dispute,
    ProviderFailed,
    ProviderRefused,
    ProviderUnavailable,
)
from timeline.services.payments.providers.stripe import StripeProvider

REFUND = "POST /v1/refunds"


@pytest.fixture
def paid(stripe_double: StripeDouble, provider: StripeProvider, make_request: MakeRequest) -> str:
    """A payment of 600 cents."""
    session = provider.create_session(make_request())
    return str(stripe_double.pay(session.id)["payment_intent"])


def test_payment(provider: StripeProvider, paid: str):
    payment = provider.get_payment(paid)
    assert (payment.id, payment.captured, payment.refunded) == (paid, 600, 0)
    assert (payment.currency, payment.key) == ("eur", "order-1")
    assert payment.dispute is Dispute.NONE


def test_unknown_payment_is_refused(provider: StripeProvider):
    with pytest.raises(ProviderRefused):
        provider.get_payment("pi_1")


@pytest.mark.parametrize(
    ("status", "dispute"),
    [
        ("needs_response", Dispute.OPEN),
        ("under_review", Dispute.OPEN),
        ("warning_needs_response", Dispute.OPEN),
        ("warning_closed", Dispute.WON),
        ("won", Dispute.WON),
        ("lost", Dispute.LOST),
        ("prevented", Dispute.NONE),
    ],
)
def test_disputed_payment(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str, status: str, dispute: Dispute
):
    """Fault 25."""
    stripe_double.open_dispute(paid, status)
    assert provider.get_payment(paid).dispute is dispute


def test_worst_of_several_disputes_counts(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 25."""
    stripe_double.win_dispute(stripe_double.open_dispute(paid)["id"])
    second = stripe_double.open_dispute(paid)
    assert provider.get_payment(paid).dispute is Dispute.OPEN
    stripe_double.lose_dispute(second["id"])
    assert provider.get_payment(paid).dispute is Dispute.LOST


# Refunds


def test_refund(stripe_double: StripeDouble, provider: StripeProvider, paid: str):
    assert provider.refund(paid, 600, "refund-order-1").startswith("re_")
    assert provider.get_payment(paid).refunded == stripe_double.refunded(paid) == 600


def test_repeated_refund_refunds_once(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24, edge case 13."""
    first = provider.refund(paid, 200, "refund-order-1")
    assert provider.refund(paid, 200, "refund-order-1") == first
    assert stripe_double.refunded(paid) == 200


def test_refund_with_a_lost_response_refunds_once(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24."""
    stripe_double.drop(REFUND, times=None)
    with pytest.raises(ProviderUnavailable):
        provider.refund(paid, 200, "refund-order-1")
    stripe_double.clear_faults()
    assert provider.refund(paid, 200, "refund-order-1")
    assert stripe_double.refunded(paid) == 200


def test_refund_after_a_dashboard_refund_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24."""
    stripe_double.refund(paid)
    for _ in range(2):
        with pytest.raises(ProviderRefused):
            provider.refund(paid, 600, "refund-order-1")
    assert provider.get_payment(paid).refunded == stripe_double.refunded(paid) == 600


def test_refund_after_a_partial_dashboard_refund_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24."""
    stripe_double.refund(paid, 100)
    with pytest.raises(ProviderRefused):
        provider.refund(paid, 600, "refund-order-1")
    assert provider.get_payment(paid).refunded == 100


def test_refund_behind_a_stored_500_is_found(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24: it is not requested again with another key."""
    stripe_double.fail(REFUND)
    with pytest.raises(ProviderFailed):
        provider.refund(paid, 200, "refund-order-1")
    created = stripe_double.objects["refund"]
    assert provider.refund(paid, 200, "refund-order-1") in created
    assert len(created) == 1


def test_refund_with_a_stored_refusal_is_requested_with_another_key(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24: otherwise Stripe would refuse it for a day."""
    stripe_double.refuse_refunds(stored=True)
    with pytest.raises(ProviderRefused):
        provider.refund(paid, 600, "refund-order-1")
    assert provider.refund(paid, 600, "refund-order-1")
    assert stripe_double.refunded(paid) == 600


def test_returned_refund_does_not_count(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    created = provider.refund(paid, 600, "refund-order-1")
    stripe_double.fail_refund(created)
    assert provider.get_payment(paid).refunded == 0


def test_refund_that_fails_at_once_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    stripe_double.refund_status = "failed"
    with pytest.raises(ProviderRefused, match="failed"):
        provider.refund(paid, 600, "refund-order-1")


def test_pending_refund_counts(stripe_double: StripeDouble, provider: StripeProvider, paid: str):
    stripe_double.refund_status = "pending"
    assert provider.refund(paid, 600, "refund-order-1")
    assert provider.get_payment(paid).refunded == 600
