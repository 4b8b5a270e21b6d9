"""One's own orders and their receipts."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F

from timeline.models import Order
from timeline.services.payments import checkout, refunds, settlement
from timeline.services.payments.providers import sandbox
from timeline.views.payments import orders as pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(client, claimant):
    client.force_login(claimant)
    return client


@pytest.fixture
def paid(claim):
    """A paid moment, as the sandbox makes one."""
    moment = claim("1969-07-20T20:17:40Z", title="One small step")
    opened = checkout.start_checkout(moment)
    assert sandbox.pay(opened.session_id)
    settlement.refresh(opened)
    moment.refresh_from_db()
    return moment


def order_url(order):
    return f"/orders/{order.public_id}/"


def test_it_works(own, paid):
    page = own.get("/orders/").text
    assert "One small step" in page
    assert "5.00 EUR" in page
    assert "Paid" in page
    assert order_url(paid.order) in page


def test_the_receipt_says_what_was_paid_for_whom(own, paid, claimant):
    page = own.get(order_url(paid.order)).text
    assert f"Receipt {paid.order.public_id}" in page
    assert "A moment, its first hour included" in page
    assert claimant.email in page
    assert "Sunday 20 July 1969, 20:17:40" in page


def test_a_refund_is_told_with_its_date(
    own, paid, admin_client, django_capture_on_commit_callbacks
):
    staff = type(paid.user).objects.get(handle="chief")
    with django_capture_on_commit_callbacks(execute=True):
        refunds.refund_order(paid.order, "asked for", actor=staff)
    page = own.get(order_url(paid.order)).text
    assert "went back to you on" in page
    assert "Refunded" in page


def test_without_orders_there_is_a_way_to_claim(own):
    assert "You have not claimed anything yet" in own.get("/orders/").text


def test_somebody_elses_orders_are_none(client, paid, rival):
    """Edge case 12."""
    client.force_login(rival)
    assert client.get(order_url(paid.order)).status_code == 404
    assert "One small step" not in client.get("/orders/").text


@pytest.mark.parametrize("path", ["/orders/", "/orders/11111111111/"])
def test_visitors_log_in_first(client, path):
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def test_older_orders_are_on_later_pages(own, claim, monkeypatch):
    """Edge case 18: cut by key; none twice, none left out."""
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    for day in (1, 2, 3):
        moment = claim(f"2001-01-0{day}", title=f"Day {day}")
        Order.objects.filter(moment=moment).update(
            created_at=F("created_at") - dt.timedelta(days=10 - day)
        )
    first = own.get("/orders/").text
    assert "Day 3" in first
    assert "Day 2" in first
    assert "Day 1" not in first
    older = first.split('href="?before=')[1].split('"')[0].replace("%2B", "+")
    second = own.get("/orders/", {"before": older}).text
    assert "Day 1" in second
    assert "Day 2" not in second


@pytest.mark.parametrize("before", ["", "x", "2001-01-01", "9" * 50, "1969-07-20T20:17:40"])
def test_a_cut_that_is_none_is_the_first_page(own, paid, before):
    assert "One small step" in own.get("/orders/", {"before": before}).text


def test_few_queries_whatever_the_number(own, claim, django_assert_max_num_queries):
    for day in (1, 2, 3):
        claim(f"2001-01-0{day}")
    with django_assert_max_num_queries(6):
        own.get("/orders/")
