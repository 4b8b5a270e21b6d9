"""Orders in the admin: read-only, refunds as an action, and a log of who did kind."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts.models import User
from tests.support import invariants
from timeline.models import Moment, Order, OrderStatus, PaymentEvent, Refund, Status
from timeline.services.payments import checkout, settlement
from timeline.services.payments.providers import sandbox

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = "/admin/timeline/order/"
MOMENTS = "/admin/timeline/moment/"


@pytest.fixture
def paid(claim):
    moment = claim("1969-07-20T20:17:40Z", title="One small step")
    open_checkout = checkout.start_checkout(moment)
    assert sandbox.pay(open_checkout.session_id)
    settlement.refresh(open_checkout)
    moment.refresh_from_db()
    return moment


def confirm_action(client, url, action, pk, reason="spam"):
    data = {"action": action, "_selected_action": [str(pk)], "confirmed": "yes", "reason": reason}
    return client.post(url, data, follow=True)


def test_it_works(admin_client, paid):
    page = admin_client.get(ORDERS)
    assert page.status_code == 200
    assert paid.order.public_id in page.text
    assert "5.00 EUR" in page.text
    one = admin_client.get(f"{ORDERS}{paid.order.pk}/change/")
    assert one.status_code == 200
    assert "payment begun" in one.text


@pytest.mark.parametrize("kind", ["number", "handle", "address"])
def test_search_finds_an_order(admin_client, paid, rival, claim, kind):
    claim("2001-01-01", user=rival, title="Of somebody else")
    terms = {"number": paid.order.public_id, "handle": "@eve", "address": "EVE@example.org"}
    page = admin_client.get(ORDERS, {"q": terms[kind]}).text
    assert "One small step" in page
    assert "Of somebody else" not in page


@pytest.mark.parametrize("term", ["nothing", "@nobody", "\0", "11111111111"])
def test_search_without_a_result_is_no_error(admin_client, paid, term):
    page = admin_client.get(ORDERS, {"q": term})
    assert page.status_code in (200, 400)
    assert "One small step" not in page.text


def test_orders_are_read_only(admin_client, paid):
    change = f"{ORDERS}{paid.order.pk}/change/"
    admin_client.post(change, {"amount": "1", "status": "refunded"})
    order = Order.objects.get()
    assert (order.amount, order.status) == (500, OrderStatus.PAID)
    assert admin_client.get(f"{ORDERS}add/").status_code == 403
    assert admin_client.post(f"{ORDERS}{paid.order.pk}/delete/", {"post": "yes"}).status_code == 403


def test_refund_asks_for_a_reason(admin_client, paid):
    data = {"action": "refund_orders", "_selected_action": [str(paid.order.pk)]}
    page = admin_client.post(ORDERS, data)
    assert "You are about to refund 1 order" in " ".join(page.text.split())
    assert Order.objects.get().status == OrderStatus.PAID


def test_refund_returns_the_money_and_is_logged(admin_client, paid):
    confirm_action(admin_client, ORDERS, "refund_orders", paid.order.pk, "a mistake")
    order = Order.objects.get()
    paid.refresh_from_db()
    assert (order.status, paid.status) == (OrderStatus.REFUNDED, Status.REVOKED)
    refund = Refund.objects.get()
    staff = User.objects.get(handle="chief")
    assert (refund.state, refund.amount, refund.requested_by) == (Refund.State.DONE, 500, staff)
    assert order.log_entries.filter(actor=staff, message="refund: a mistake").exists()
    assert LogEntry.objects.get().change_message == "refund: a mistake"
    invariants.check_settled()


def test_second_refund_changes_nothing(admin_client, paid):
    """Edge case 13."""
    for _ in range(2):
        page = confirm_action(admin_client, ORDERS, "refund_orders", paid.order.pk)
    assert "This order is “Refunded”." in page.text
    assert Refund.objects.count() == 1
    assert LogEntry.objects.count() == 1


def test_revoking_a_paid_moment_refunds_it(admin_client, paid):
    """Every captured cent belongs to an active moment or to a refund."""
    confirm_action(admin_client, MOMENTS, "revoke_moments", paid.pk)
    assert Order.objects.get().status == OrderStatus.REFUNDED
    invariants.check_settled()


def test_revoking_a_moment_without_an_order(admin_client, make_moment):
    moment = make_moment("1969-07-20")
    confirm_action(admin_client, MOMENTS, "revoke_moments", moment.pk)
    moment.refresh_from_db()
    assert moment.status == Status.REVOKED


def test_moment_with_an_order_cannot_be_deleted(admin_client, paid):
    admin_client.post(f"{MOMENTS}{paid.pk}/delete/", {"post": "yes"})
    assert Moment.objects.filter(pk=paid.pk).exists()


def test_payment_events_are_listed(admin_client, paid):
    PaymentEvent.objects.create(provider="stripe", event_id="evt_1", kind="charge.refunded")
    for query, listed in ({}, True), ({"applied": "no"}, True), ({"applied": "yes"}, False):
        page = admin_client.get("/admin/timeline/paymentevent/", query)
        assert page.status_code == 200
        assert ("evt_1" in page.text) is listed


def test_only_staff_have_access(client, claimant, paid):
    client.force_login(claimant)
    assert client.get(ORDERS).status_code == 302
    assert client.get(reverse("admin:index")).status_code == 302
