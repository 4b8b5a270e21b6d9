"""Money that Stripe has captured: what it says of it, and paying it back."""

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
def paid(stripe_double: StripeDouble, provider: StripeProvider, asked: MakeRequest) -> str:
    """A payment of 600 cents."""
    session = provider.create_session(asked())
    return str(stripe_double.pay(session.id)["payment_intent"])


def test_a_payment(provider: StripeProvider, paid: str):
    payment = provider.get_payment(paid)
    assert (payment.id, payment.captured, payment.refunded) == (paid, 600, 0)
    assert (payment.currency, payment.key) == ("eur", "order-1")
    assert payment.dispute is Dispute.NONE


def test_no_such_payment(provider: StripeProvider):
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
def test_a_disputed_payment(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str, status: str, dispute: Dispute
):
    """Fault 25."""
    stripe_double.open_dispute(paid, status)
    assert provider.get_payment(paid).dispute is dispute


def test_of_several_disputes_the_gravest_counts(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 25."""
    stripe_double.win_dispute(stripe_double.open_dispute(paid)["id"])
    second = stripe_double.open_dispute(paid)
    assert provider.get_payment(paid).dispute is Dispute.OPEN
    stripe_double.lose_dispute(second["id"])
    assert provider.get_payment(paid).dispute is Dispute.LOST


# Paying back


def test_a_refund(stripe_double: StripeDouble, provider: StripeProvider, paid: str):
    assert provider.refund(paid, 600, "refund-order-1").startswith("re_")
    assert provider.get_payment(paid).refunded == stripe_double.refunded(paid) == 600


def test_a_refund_asked_for_twice_is_one(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24, edge case 13."""
    first = provider.refund(paid, 200, "refund-order-1")
    assert provider.refund(paid, 200, "refund-order-1") == first
    assert stripe_double.refunded(paid) == 200


def test_a_refund_whose_answer_does_not_come_is_one(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24."""
    stripe_double.drop(REFUND, times=None)
    with pytest.raises(ProviderUnavailable):
        provider.refund(paid, 200, "refund-order-1")
    stripe_double.heal()
    assert provider.refund(paid, 200, "refund-order-1")
    assert stripe_double.refunded(paid) == 200


def test_a_refund_made_in_the_dashboard(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24."""
    stripe_double.refund(paid)
    for _ in range(2):
        with pytest.raises(ProviderRefused):
            provider.refund(paid, 600, "refund-order-1")
    assert provider.get_payment(paid).refunded == stripe_double.refunded(paid) == 600


def test_a_part_refunded_in_the_dashboard(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24."""
    stripe_double.refund(paid, 100)
    with pytest.raises(ProviderRefused):
        provider.refund(paid, 600, "refund-order-1")
    assert provider.get_payment(paid).refunded == 100


def test_a_refund_behind_a_kept_500_is_found(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24: it is not made again under another key."""
    stripe_double.fail(REFUND)
    with pytest.raises(ProviderFailed):
        provider.refund(paid, 200, "refund-order-1")
    made = stripe_double.things["refund"]
    assert provider.refund(paid, 200, "refund-order-1") in made
    assert len(made) == 1


def test_a_refund_whose_refusal_is_kept_is_asked_for_with_another_key(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    """Fault 24: else it would be refused for a day."""
    stripe_double.refuse_refunds(kept=True)
    with pytest.raises(ProviderRefused):
        provider.refund(paid, 600, "refund-order-1")
    assert provider.refund(paid, 600, "refund-order-1")
    assert stripe_double.refunded(paid) == 600


def test_a_refund_that_the_bank_sends_back_is_no_refund(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    made = provider.refund(paid, 600, "refund-order-1")
    stripe_double.fail_refund(made)
    assert provider.get_payment(paid).refunded == 0


def test_a_refund_that_fails_at_once_is_refused(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    stripe_double.refund_status = "failed"
    with pytest.raises(ProviderRefused, match="failed"):
        provider.refund(paid, 600, "refund-order-1")


def test_a_refund_that_takes_days_is_a_refund(
    stripe_double: StripeDouble, provider: StripeProvider, paid: str
):
    stripe_double.refund_status = "pending"
    assert provider.refund(paid, 600, "refund-order-1")
    assert provider.get_payment(paid).refunded == 600
