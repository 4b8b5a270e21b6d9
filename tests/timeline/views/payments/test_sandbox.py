"""The sandbox's checkout page: every outcome of a provider's page; never in production."""

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
def owner_client(client, claimant):
    client.force_login(claimant)
    return client


@pytest.fixture
def moment(claim):
    return claim("1969-07-20T20:17:40Z", title="One small step")


@pytest.fixture
def checkout_page(owner_client, moment):
    """The path of the checkout page, after the buyer has pressed “pay”."""
    response = owner_client.post(reverse("timeline:claim-pay", args=[moment.pk]))
    assert response.status_code == 303
    return response["Location"].removeprefix("http://127.0.0.1:8000")


def done_url(moment):
    return reverse("timeline:claim-done", args=[moment.pk])


def press_button(owner_client, checkout_page, button):
    response = owner_client.post(checkout_page, {"play": button})
    invariants.check()
    return response


def test_it_works(owner_client, moment, checkout_page):
    page = owner_client.get(checkout_page).text
    assert "This is a sandbox" in page
    assert "5.00 EUR" in page
    response = press_button(owner_client, checkout_page, "pay")
    assert response["Location"].endswith(done_url(moment))
    assert "It is yours" in owner_client.get(done_url(moment)).text
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE
    assert OrderEmail.objects.get().kind == OrderEmail.Kind.RECEIPT


def test_declined_payment_can_be_tried_again(owner_client, moment, checkout_page):
    page = press_button(owner_client, checkout_page, "decline")
    assert page.status_code == 402
    assert "declined" in page.text
    assert press_button(owner_client, checkout_page, "pay").status_code == 303


def test_returning_buyer_gets_the_same_session(owner_client, moment, checkout_page):
    """Edge case 8."""
    review = reverse("timeline:claim-review", args=[moment.pk])
    assert review in owner_client.get(checkout_page).text
    assert "Go on paying" in owner_client.get(review).text
    again = owner_client.post(reverse("timeline:claim-pay", args=[moment.pk]))
    assert again["Location"].endswith(checkout_page)
    assert Checkout.objects.count() == 1


def test_payment_counts_if_the_buyer_closes_the_window(owner_client, moment, checkout_page):
    """Fault 7: the event alone fulfils the order."""
    assert (
        "You can close this window"
        in press_button(owner_client, checkout_page, "pay-and-close").text
    )
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE


def test_expired_session_frees_the_span(owner_client, moment, checkout_page, rival):
    press_button(owner_client, checkout_page, "time-out")
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED
    assert "This claim has ended" in owner_client.get(done_url(moment)).text
    assert holds.hold(rival, moment.span)
    assert OrderEmail.objects.get().kind == OrderEmail.Kind.EXPIRED


def test_late_money_gets_a_span_that_is_still_free(owner_client, moment, checkout_page):
    """Edge case 10."""
    press_button(owner_client, checkout_page, "pay-late")
    moment.refresh_from_db()
    assert moment.status == Status.ACTIVE


def test_late_money_for_a_taken_span_is_refunded(owner_client, moment, checkout_page, rival):
    """Edge case 10, fault 16: the page and two mails say so."""
    press_button(owner_client, checkout_page, "time-out")
    holds.hold(rival, moment.span)
    page = press_button(owner_client, checkout_page, "pay-late")
    assert page.status_code == 303
    assert Order.objects.get(moment=moment).status == OrderStatus.REFUNDED
    assert "Paid back" in owner_client.get(done_url(moment)).text
    kinds = set(OrderEmail.objects.values_list("kind", flat=True))
    assert {OrderEmail.Kind.REFUND, OrderEmail.Kind.REFUNDED} <= kinds


@pytest.mark.parametrize("button", ["pay", "pay-and-close", "pay-late"])
def test_session_takes_money_once(owner_client, moment, checkout_page, button):
    press_button(owner_client, checkout_page, "pay-and-close")
    page = press_button(owner_client, checkout_page, button)
    assert page.status_code == 409
    assert "takes no money any more" in page.text
    assert OrderEmail.objects.count() == 1


def test_session_expires_by_itself(owner_client, moment, checkout_page):
    SandboxSession.objects.update(expires_at=timezone.now())
    checkout = Checkout.objects.get()
    settlement.refresh(checkout)
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED
    assert press_button(owner_client, checkout_page, "pay").status_code == 409


def test_provider_finds_and_refunds_a_payment_once(owner_client, moment, checkout_page):
    """The sandbox behaves like real providers, so that refunds can be tried in development."""
    sandbox = get_provider("sandbox")
    press_button(owner_client, checkout_page, "pay-and-close")
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


def test_cancelling_closes_the_session(owner_client, moment, checkout_page):
    response = owner_client.post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert response["Location"] == "/claim/"
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED
    assert press_button(owner_client, checkout_page, "pay").status_code == 409


def test_cancelling_a_paid_session_keeps_the_payment(
    owner_client, moment, checkout_page, monkeypatch
):
    """Fault 17: expiring the session returns that it is paid."""
    owner_client.post(checkout_page, {"play": "pay-and-close"})
    Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING)
    Order.objects.update(status=OrderStatus.OPEN)
    Checkout.objects.update(state="open", captured=None)
    response = owner_client.post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert response["Location"] == done_url(moment)
    invariants.check()


def test_unknown_button_is_400(owner_client, checkout_page):
    assert press_button(owner_client, checkout_page, "x").status_code == 400


def test_unknown_session_is_404(owner_client):
    assert owner_client.get("/payments/sandbox/sandbox_nothing/").status_code == 404


def test_production_has_no_sandbox(owner_client, checkout_page, settings):
    settings.PRODUCTION = True
    assert owner_client.get(checkout_page).status_code == 404
    get_provider.cache_clear()
    with pytest.raises(ImproperlyConfigured, match="no real money"):
        get_provider("sandbox")
    get_provider.cache_clear()
