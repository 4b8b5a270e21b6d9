"""Disputes at the buyer's bank: an open one freezes the order, and a lost one revokes the moment."""

from __future__ import annotations

import pytest

from accounts.models import User
from tests.support import invariants
from timeline.core.exceptions import ClaimRefused
from timeline.models import Order, OrderStatus, Refund, Status
from timeline.services.claims import details
from timeline.services.payments import refunds
from timeline.services.payments.exceptions import RefundRefused


@pytest.fixture
def staff(shop):
    return User.objects.create_superuser("staff@example.org", "staff")


@pytest.mark.parametrize("via", ["deliver", "reconcile"])
def test_it_works(shop, claim, staff, via):
    """Fault 25: frozen while it is open; paid as before once it is won."""
    moment = claim("1969-07-20")
    dispute = shop.double.open_dispute(shop.buy(moment))["id"]
    getattr(shop, via)()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.DISPUTED)
    with pytest.raises(ClaimRefused, match="disputed"):
        details.edit_moment(moment, details.MomentDetails("Another title"))
    with pytest.raises(RefundRefused):
        refunds.refund_order(Order.objects.get(moment=moment), "asked for", actor=staff)
    shop.double.win_dispute(dispute)
    getattr(shop, via)()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)
    details.edit_moment(moment, details.MomentDetails("Another title"))


def test_lost_dispute_frees_the_span(shop, claim, rival):
    """Fault 25: somebody else can buy it."""
    moment = claim("1969-07-20")
    dispute = shop.double.open_dispute(shop.buy(moment))["id"]
    shop.double.lose_dispute(dispute)
    for _ in range(2):
        assert set(shop.deliver()) == {200}
        assert shop.state(moment) == (Status.REVOKED, OrderStatus.CHARGED_BACK)
    assert shop.count_log_entries(moment, "dispute lost") == 1
    shop.buy(claim("1969-07-20", user=rival))


def test_lost_dispute_after_erasure_is_recorded(shop, claim, claimant):
    """Fault 25, fault 26: the moment is already revoked; only the order changes."""
    moment = claim("1969-07-20")
    dispute = shop.double.open_dispute(shop.buy(moment))["id"]
    shop.erase_account(claimant)
    shop.double.lose_dispute(dispute)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.CHARGED_BACK)


def test_events_in_reverse_order_end_in_the_same_state(shop, claim):
    """Fault 4, fault 25."""
    moment = claim("1969-07-20")
    shop.double.win_dispute(shop.double.open_dispute(shop.buy(moment))["id"])
    assert set(shop.deliver(*reversed(shop.double.events_of()))) == {200}
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)


def test_dispute_event_before_the_payment_event_settles_the_payment_first(shop, claim):
    """Fault 4."""
    moment = claim("1969-07-20")
    payment = shop.double.pay(shop.start_checkout(moment))["payment_intent"]
    shop.double.open_dispute(payment)
    assert shop.deliver(*shop.double.events_of("charge.dispute.created")) == [200]
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.DISPUTED)


def test_dashboard_refund_after_a_won_dispute_revokes_the_moment(shop, claim):
    """Fault 24, fault 25: nobody owns a moment whose price was refunded."""
    moment = claim("1969-07-20")
    payment = shop.buy(moment)
    shop.double.win_dispute(shop.double.open_dispute(payment)["id"])
    shop.double.refund(payment)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)


@pytest.mark.parametrize("end", ["win_dispute", "lose_dispute"])
def test_dispute_during_a_refund_returns_the_money_once(shop, claim, staff, end):
    """Fault 24, fault 25: from the bank if it is lost, from us if it is won."""
    moment = claim("1969-07-20")
    payment = shop.buy(moment)
    shop.double.respond_with(503, "POST /v1/refunds", times=None)
    refunds.refund_order(Order.objects.get(moment=moment), "asked for", actor=staff)
    shop.double.clear_faults()
    dispute = shop.double.open_dispute(payment)["id"]
    shop.reconcile()
    assert Refund.objects.get().state == Refund.State.PENDING
    getattr(shop.double, end)(dispute)
    shop.reconcile()
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)
    assert shop.double.refunded(payment) == (500 if end == "win_dispute" else 0)
    invariants.check_settled()
