"""A buyer's bank takes the money back, or asks: the moment waits, goes, or stays."""

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
def chief(shop):
    return User.objects.create_superuser("chief@example.org", "chief")


@pytest.mark.parametrize("told_by", ["deliver", "reconcile"])
def test_it_works(shop, claim, chief, told_by):
    """Fault 25: opened: frozen; won: as it was."""
    moment = claim("1969-07-20")
    dispute = shop.double.open_dispute(shop.buy(moment))["id"]
    getattr(shop, told_by)()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.DISPUTED)
    with pytest.raises(ClaimRefused, match="disputed"):
        details.edit_moment(moment, details.MomentDetails("Another title"))
    with pytest.raises(RefundRefused):
        refunds.refund_order(Order.objects.get(moment=moment), "asked for", actor=chief)
    shop.double.win_dispute(dispute)
    getattr(shop, told_by)()
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)
    details.edit_moment(moment, details.MomentDetails("Another title"))


def test_lost(shop, claim, rival):
    """Fault 25: released; the span can be bought by somebody else."""
    moment = claim("1969-07-20")
    dispute = shop.double.open_dispute(shop.buy(moment))["id"]
    shop.double.lose_dispute(dispute)
    for _ in range(2):
        assert set(shop.deliver()) == {200}
        assert shop.state(moment) == (Status.REVOKED, OrderStatus.CHARGED_BACK)
    assert shop.times(moment, "dispute lost") == 1
    shop.buy(claim("1969-07-20", user=rival))


def test_lost_when_the_buyer_has_left(shop, claim, claimant):
    """Fault 25, fault 26: the moment is gone already; the order says what became of its money."""
    moment = claim("1969-07-20")
    dispute = shop.double.open_dispute(shop.buy(moment))["id"]
    shop.erase(claimant)
    shop.double.lose_dispute(dispute)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.CHARGED_BACK)


def test_messages_in_reverse_order(shop, claim):
    """Fault 4, fault 25."""
    moment = claim("1969-07-20")
    shop.double.win_dispute(shop.double.open_dispute(shop.buy(moment))["id"])
    assert set(shop.deliver(*reversed(shop.double.events_of()))) == {200}
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.PAID)


def test_the_dispute_is_told_before_the_payment(shop, claim):
    """Fault 4: then the payment is looked at first."""
    moment = claim("1969-07-20")
    payment = shop.double.pay(shop.go_to_the_till(moment))["payment_intent"]
    shop.double.open_dispute(payment)
    assert shop.deliver(*shop.double.events_of("charge.dispute.created")) == [200]
    assert shop.state(moment) == (Status.ACTIVE, OrderStatus.DISPUTED)


def test_won_and_then_paid_back_in_the_dashboard(shop, claim):
    """Fault 24, fault 25: what went back is not owned, also after a dispute that was won."""
    moment = claim("1969-07-20")
    payment = shop.buy(moment)
    shop.double.win_dispute(shop.double.open_dispute(payment)["id"])
    shop.double.refund(payment)
    assert set(shop.deliver()) == {200}
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)


@pytest.mark.parametrize("end", ["win_dispute", "lose_dispute"])
def test_disputed_while_a_refund_is_owed(shop, claim, chief, end):
    """Fault 24, fault 25: the money goes back once: by the bank when it is lost, by us when it is won."""
    moment = claim("1969-07-20")
    payment = shop.buy(moment)
    shop.double.answer(503, "POST /v1/refunds", times=None)
    refunds.refund_order(Order.objects.get(moment=moment), "asked for", actor=chief)
    shop.double.heal()
    dispute = shop.double.open_dispute(payment)["id"]
    shop.reconcile()
    assert Refund.objects.get().state == Refund.State.PENDING
    getattr(shop.double, end)(dispute)
    shop.reconcile()
    assert shop.state(moment) == (Status.REVOKED, OrderStatus.REFUNDED)
    assert shop.double.refunded(payment) == (500 if end == "win_dispute" else 0)
    invariants.check_settled()
