"""The sandbox's till: what a provider's page may come to, played; never in production."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse
from django.utils import timezone

from tests.support import invariants
from timeline.models import Checkout, Moment, Order, OrderEmail, OrderStatus, SandboxSession, Status
from timeline.services.claims import holds
from timeline.services.payments import settlement
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers.base import (
    InvalidEvent,
    Payment,
    ProviderNotFound,
    ProviderRefused,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own(client, claimant):
    client.force_login(claimant)
    return client


@pytest.fixture
def moment(claim):
    return claim("1969-07-20T20:17:40Z", title="One small step")


@pytest.fixture
def till(own, moment):
    """The till's address, once the person has pressed "Pay"."""
    answer = own.post(reverse("timeline:claim-pay", args=[moment.pk]))
    assert answer.status_code == 303
    return answer["Location"].removeprefix("http://127.0.0.1:8000")


def done(moment):
    return reverse("timeline:claim-done", args=[moment.pk])


def play(own, till, what):
    answer = own.post(till, {"play": what})
    invariants.check()
    return answer


def test_it_works(own, moment, till):
    page = own.get(till).text
    assert "This is a sandbox" in page
    assert "5.00 EUR" in page
    answer = play(own, till, "pay")
    assert answer["Location"].endswith(done(moment))
    assert "It is yours" in own.get(done(moment)).text
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE
    assert OrderEmail.objects.get().kind == OrderEmail.Kind.RECEIPT


def test_declined_nothing_is_taken_and_it_can_be_tried_again(own, moment, till):
    page = play(own, till, "decline")
    assert page.status_code == 402
    assert "declined" in page.text
    assert play(own, till, "pay").status_code == 303


def test_the_buyer_who_goes_away_finds_the_till_again(own, moment, till):
    """Edge case 8: one order, one session."""
    review = reverse("timeline:claim-review", args=[moment.pk])
    assert review in own.get(till).text
    assert "Go on paying" in own.get(review).text
    again = own.post(reverse("timeline:claim-pay", args=[moment.pk]))
    assert again["Location"].endswith(till)
    assert Checkout.objects.count() == 1


def test_who_closes_the_window_has_paid_all_the_same(own, moment, till):
    """Fault 7: the message alone fulfils."""
    assert "You can close this window" in play(own, till, "pay-and-close").text
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE


def test_when_time_runs_out_the_span_is_free(own, moment, till, rival):
    play(own, till, "time-out")
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED
    assert "This claim has ended" in own.get(done(moment)).text
    assert holds.hold(rival, moment.span)
    assert OrderEmail.objects.get().kind == OrderEmail.Kind.EXPIRED


def test_late_money_gets_the_span_if_it_is_still_free(own, moment, till):
    """Edge case 10."""
    play(own, till, "pay-late")
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE


def test_late_money_goes_back_when_somebody_has_the_span(own, moment, till, rival):
    """Edge case 10, fault 16: refunded, and told by mail and page."""
    play(own, till, "time-out")
    holds.hold(rival, moment.span)
    page = play(own, till, "pay-late")
    assert page.status_code == 303
    assert Order.objects.get(moment=moment).status == OrderStatus.REFUNDED
    assert "Paid back" in own.get(done(moment)).text
    kinds = set(OrderEmail.objects.values_list("kind", flat=True))
    assert {OrderEmail.Kind.REFUND, OrderEmail.Kind.REFUNDED} <= kinds


@pytest.mark.parametrize("what", ["pay", "pay-and-close", "pay-late"])
def test_a_session_takes_money_once(own, moment, till, what):
    play(own, till, "pay-and-close")
    page = play(own, till, what)
    assert page.status_code == 409
    assert "takes no money any more" in page.text
    assert OrderEmail.objects.count() == 1


def test_a_session_ends_by_itself(own, moment, till):
    SandboxSession.objects.update(expires_at=timezone.now())
    checkout = Checkout.objects.get()
    settlement.refresh(checkout)
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED
    assert play(own, till, "pay").status_code == 409


def test_money_is_known_by_its_payment_and_goes_back_once(own, moment, till):
    """What real providers do, so that what is settled by them can be tried here."""
    sandbox = get_provider("sandbox")
    play(own, till, "pay-and-close")
    paid = Checkout.objects.get()
    assert sandbox.get_payment(paid.payment_id) == Payment(
        paid.payment_id, 500, 0, "eur", key=paid.key
    )
    assert len({sandbox.refund(paid.payment_id, 500, "key") for _ in range(2)}) == 1
    assert sandbox.get_payment(paid.payment_id).refunded == 500
    with pytest.raises(ProviderRefused):
        sandbox.refund(paid.payment_id, 501, "another")
    with pytest.raises(ProviderNotFound):
        sandbox.get_payment("")
    with pytest.raises(InvalidEvent):
        sandbox.verify_event(b"{}", "")


def test_it_is_called_off(own, moment, till):
    answer = own.post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert answer["Location"] == "/claim/"
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED
    assert play(own, till, "pay").status_code == 409


def test_called_off_after_it_was_paid_it_is_paid(own, moment, till, monkeypatch):
    """Fault 17: closing a session answers "paid"."""
    own.post(till, {"play": "pay-and-close"})
    Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING)
    Order.objects.update(status=OrderStatus.OPEN)
    Checkout.objects.update(state="open", captured=None)
    answer = own.post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert answer["Location"] == done(moment)
    invariants.check()


def test_a_button_that_is_none_is_400(own, till):
    assert play(own, till, "x").status_code == 400


def test_a_session_that_is_none_is_404(own):
    assert own.get("/payments/sandbox/sandbox_nothing/").status_code == 404


def test_in_production_there_is_no_such_page(own, till, settings):
    settings.PRODUCTION = True
    assert own.get(till).status_code == 404
    get_provider.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="no real money"):
        get_provider("sandbox")
    get_provider.cache_clear()
