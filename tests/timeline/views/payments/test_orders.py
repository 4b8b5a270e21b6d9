"""A person's own orders and their receipts."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F

from timeline.models import Order
from timeline.services.payments import checkout, refunds, settlement
from timeline.services.payments.providers import sandbox
from timeline.views.payments import orders as order_views

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner_client(client, claimant):
    client.force_login(claimant)
    return client


@pytest.fixture
def paid(claim):
    """A moment that was paid for in the sandbox."""
    moment = claim("1969-07-20T20:17:40Z", title="One small step")
    open_checkout = checkout.start_checkout(moment)
    assert sandbox.pay(open_checkout.session_id)
    settlement.refresh(open_checkout)
    moment.refresh_from_db()
    return moment


def order_url(order):
    return f"/orders/{order.public_id}/"


def test_it_works(owner_client, paid):
    page = owner_client.get("/orders/").text
    assert "One small step" in page
    assert "5.00 EUR" in page
    assert "Paid" in page
    assert order_url(paid.order) in page


def test_receipt_shows_items_and_buyer(owner_client, paid, claimant):
    page = owner_client.get(order_url(paid.order)).text
    assert f"Receipt {paid.order.public_id}" in page
    assert "A moment, its first hour included" in page
    assert claimant.email in page
    assert "Sunday 20 July 1969, 20:17:40" in page


def test_refund_is_shown_with_its_date(
    owner_client, paid, admin_client, django_capture_on_commit_callbacks
):
    staff = type(paid.user).objects.get(handle="chief")
    with django_capture_on_commit_callbacks(execute=True):
        refunds.refund_order(paid.order, "asked for", actor=staff)
    page = owner_client.get(order_url(paid.order)).text
    assert "went back to you on" in page
    assert "Refunded" in page


def test_empty_list_links_to_claiming(owner_client):
    assert "You have not claimed anything yet" in owner_client.get("/orders/").text


def test_orders_of_others_are_404(client, paid, rival):
    """Edge case 12."""
    client.force_login(rival)
    assert client.get(order_url(paid.order)).status_code == 404
    assert "One small step" not in client.get("/orders/").text


@pytest.mark.parametrize("path", ["/orders/", "/orders/11111111111/"])
def test_visitors_are_redirected_to_login(client, path):
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_pages_are_disjoint_and_complete(owner_client, claim, monkeypatch):
    """Edge case 18: keyset pagination."""
    monkeypatch.setattr(order_views, "PAGE_SIZE", 2)
    for day in (1, 2, 3):
        moment = claim(f"2001-01-0{day}", title=f"Day {day}")
        Order.objects.filter(moment=moment).update(
            created_at=F("created_at") - dt.timedelta(days=10 - day)
        )
    first = owner_client.get("/orders/").text
    assert "Day 3" in first
    assert "Day 2" in first
    assert "Day 1" not in first
    older = first.split('href="?before=')[1].split('"')[0].replace("%2B", "+")
    second = owner_client.get("/orders/", {"before": older}).text
    assert "Day 1" in second
    assert "Day 2" not in second


@pytest.mark.parametrize("before", ["", "x", "2001-01-01", "9" * 50, "1969-07-20T20:17:40"])
def test_invalid_cursor_is_the_first_page(owner_client, paid, before):
    assert "One small step" in owner_client.get("/orders/", {"before": before}).text


def test_number_of_queries_does_not_grow(owner_client, claim, django_assert_max_num_queries):
    for day in (1, 2, 3):
        claim(f"2001-01-0{day}")
    with django_assert_max_num_queries(6):
        owner_client.get("/orders/")
