"""Starting and cancelling a payment: an order has one session, whatever the buyer and Stripe do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connections
from django.urls import reverse

from tests.support import invariants
from tests.support.servers import find_free_port
from timeline.models import Checkout, CheckoutState, Order, OrderStatus, Status

OWNED = (Status.ACTIVE, OrderStatus.PAID)
CREATE = "POST /v1/checkout/sessions"


def test_it_works(shop, claim):
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    assert [one["id"] for one in shop.double.open_sessions()] == [session]
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


def test_back_button_reuses_the_session(shop, claim):
    """Fault 15, edge case 8."""
    moment = claim("1969-07-20")
    assert shop.start_checkout(moment) == shop.start_checkout(moment)
    assert Order.objects.count() == Checkout.objects.count() == len(shop.double.sessions()) == 1


def test_double_click_and_two_tabs_create_one_session(shop, claim):
    """Fault 15, edge case 8: 16 requests on 8 threads."""
    moment = claim("1969-07-20")

    def press(_):
        try:
            return shop.post_pay(moment).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(press, range(16)))
    assert statuses <= {303, 503}  # 503: Stripe was still working on this key
    assert 303 in statuses
    assert Checkout.objects.count() == len(shop.double.sessions()) == 1
    shop.double.pay(shop.start_checkout(moment))
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


@pytest.mark.parametrize("fault", ["slow", "drop", "unavailable"])
def test_retry_after_no_response_uses_the_same_key(shop, claim, fault):
    """Fault 13: so there is at most one open session."""
    moment = claim("1969-07-20")
    inject = {
        "slow": lambda: shop.double.slow(60, CREATE, times=None),
        "drop": lambda: shop.double.drop(CREATE, times=None),
        "unavailable": lambda: shop.double.respond_with(503, CREATE, times=None),
    }
    inject[fault]()
    response = shop.post_pay(moment)
    assert response.status_code == 503
    assert response["Retry-After"]
    assert b"Nothing" in response.content or b"nothing" in response.content
    shop.double.clear_faults()
    shop.start_checkout(moment)
    keys = {one.headers["idempotency-key"] for one in shop.double.requests if one.method == "POST"}
    assert keys == {Checkout.objects.get().key}
    assert len(shop.double.sessions()) == 1


def test_stored_500_leads_to_a_new_key(shop, claim):
    """Fault 14: the reconciler expires the session behind the 500."""
    moment = claim("1969-07-20")
    shop.double.fail(CREATE)
    second = shop.start_checkout(moment)
    assert len(shop.double.open_sessions()) == 2
    shop.reconcile()
    assert [one["id"] for one in shop.double.open_sessions()] == [second]
    first = Checkout.objects.get(state=CheckoutState.EXPIRED)
    assert first.session_id != second
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)
    shop.double.pay(second)
    shop.deliver()
    assert shop.state(moment) == OWNED
    invariants.check_settled()


def test_repeated_500_is_503_and_leaves_nothing_open(shop, claim):
    """Fault 14: the buyer can pay once Stripe works again."""
    moment = claim("1969-07-20")
    shop.double.fail(CREATE, times=None)
    assert shop.post_pay(moment).status_code == 503
    shop.double.clear_faults()
    shop.reconcile()
    assert shop.double.open_sessions() == []
    shop.double.pay(shop.start_checkout(moment))
    shop.deliver()
    assert shop.state(moment) == OWNED
    invariants.check_settled()


def test_cancelling_expires_the_session_before_the_span_is_free(shop, claim, rival):
    moment = claim("1969-07-20")
    shop.start_checkout(moment)
    client = shop.client_for(moment.user)
    client.post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.double.open_sessions() == []
    assert claim("1969-07-20", user=rival)


def test_cancelling_a_paid_session_keeps_the_payment(shop, claim):
    """Fault 17: expiring the session finds that it was paid."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    shop.client_for(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == OWNED


def test_cancelling_a_pending_payment_is_refused(shop, claim):
    moment = claim("1969-07-20")
    shop.double.pay_async(shop.start_checkout(moment))
    shop.deliver()
    shop.client_for(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


def test_cancelling_while_stripe_is_down_is_503(shop, claim):
    moment = claim("1969-07-20")
    shop.start_checkout(moment)
    shop.double.respond_with(503, times=None)
    response = shop.client_for(moment.user).post(
        reverse("timeline:claim-call-off", args=[moment.pk])
    )
    assert response.status_code == 503
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


def test_cancelling_finds_a_session_whose_response_was_lost(shop, claim):
    """The session id is not stored, so it is looked up by its key first, and then expired."""
    moment = claim("1969-07-20")
    shop.double.drop(CREATE, times=None)
    assert shop.post_pay(moment).status_code == 503
    shop.double.clear_faults()
    shop.client_for(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.double.open_sessions() == []


@pytest.fixture
def unreachable_cache(settings):
    """Point the cache to a port that nothing listens on."""
    nowhere = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{find_free_port()}/0",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "IGNORE_EXCEPTIONS": True},
    }
    strict = nowhere | {"OPTIONS": nowhere["OPTIONS"] | {"IGNORE_EXCEPTIONS": False}}
    settings.CACHES = {"default": nowhere, "throttle": strict}
    assert cache.get("anything") is None


def test_purchase_succeeds_without_redis(shop, claim, claimant, unreachable_cache):
    """Fault 29: from the hold to the return page."""
    client = shop.client_for(claimant)
    held = client.post(
        reverse("timeline:claim-hold"),
        {"start": "1969-07-20T20:17:40Z", "seconds": "60", "zone": "UTC"},
    )
    assert held.status_code == 303
    assert client.post(held["Location"], {"title": "A step", "visibility": "public"}).status_code
    moment = Order.objects.get().moment
    shop.buy(moment)
    assert shop.open_return_page(moment).status_code == 200
    assert shop.state(moment) == OWNED


def test_free_order_needs_no_provider(shop, claim, settings):
    """Fault 33: fulfilled once, also if the button is pressed twice."""
    settings.PRICE_MOMENT = settings.PRICE_FURTHER_HOUR = 0
    moment = claim("1969-07-20")
    for _ in range(2):
        assert shop.post_pay(moment).status_code == 303
    assert shop.state(moment) == OWNED
    assert shop.count_log_entries(moment, "claimed, free of charge") == 1
    assert shop.double.requests == []


def test_paid_session_of_zero_is_not_fulfilled(shop, claim):
    """Edge case 12: such a session is complete and has no payment."""
    moment = claim("1969-07-20")
    session = shop.start_checkout(moment)
    shop.double.change_session(session, amount=0)
    shop.double.pay(session)
    assert shop.deliver() == [200]
    # The amount is not what we requested: the moment is not given away, and there is nothing to refund.
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    invariants.check_settled()
