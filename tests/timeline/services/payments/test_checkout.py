"""Going to the till: one order, one session, whatever is pressed and whatever Stripe answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connections
from django.urls import reverse

from tests.support import invariants
from tests.support.servers import free_port
from timeline.models import Checkout, CheckoutState, Order, OrderStatus, Status

OWNED = (Status.ACTIVE, OrderStatus.PAID)
CREATE = "POST /v1/checkout/sessions"


def test_it_works(shop, claim):
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    assert [one["id"] for one in shop.double.open_sessions()] == [session]
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


def test_the_back_button(shop, claim):
    """Fault 15, edge case 8: the same session again."""
    moment = claim("1969-07-20")
    assert shop.go_to_the_till(moment) == shop.go_to_the_till(moment)
    assert Order.objects.count() == Checkout.objects.count() == len(shop.double.sessions()) == 1


def test_a_double_click_and_two_tabs(shop, claim):
    """Fault 15, edge case 8: at once, one order and one session."""
    moment = claim("1969-07-20")

    def press(_):
        try:
            return shop.press_pay(moment).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(press, range(16)))
    assert statuses <= {303, 503}  # 503: Stripe was busy with just this one
    assert 303 in statuses
    assert Checkout.objects.count() == len(shop.double.sessions()) == 1
    shop.double.pay(shop.go_to_the_till(moment))
    assert shop.deliver() == [200]
    assert shop.state(moment) == OWNED


@pytest.mark.parametrize("fault", ["slow", "drop", "unavailable"])
def test_no_answer(shop, claim, fault):
    """Fault 13: the same idempotency key again, and at most one open session."""
    moment = claim("1969-07-20")
    begin = {
        "slow": lambda: shop.double.slow(60, CREATE, times=None),
        "drop": lambda: shop.double.drop(CREATE, times=None),
        "unavailable": lambda: shop.double.answer(503, CREATE, times=None),
    }
    begin[fault]()
    answer = shop.press_pay(moment)
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert b"Nothing" in answer.content or b"nothing" in answer.content
    shop.double.heal()
    shop.go_to_the_till(moment)
    keys = {one.headers["idempotency-key"] for one in shop.double.requests if one.method == "POST"}
    assert keys == {Checkout.objects.get().key}
    assert len(shop.double.sessions()) == 1


def test_stripe_keeps_its_500(shop, claim):
    """Fault 14: a new attempt with another key; the session behind the 500 is closed."""
    moment = claim("1969-07-20")
    shop.double.fail(CREATE)
    second = shop.go_to_the_till(moment)
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


def test_stripe_keeps_failing(shop, claim):
    """Fault 14: in the end 503; nothing stays open, and the span goes back when its time is over."""
    moment = claim("1969-07-20")
    shop.double.fail(CREATE, times=None)
    assert shop.press_pay(moment).status_code == 503
    shop.double.heal()
    shop.reconcile()
    assert shop.double.open_sessions() == []
    shop.double.pay(shop.go_to_the_till(moment))
    shop.deliver()
    assert shop.state(moment) == OWNED
    invariants.check_settled()


def test_called_off(shop, claim, rival):
    """The session is closed at Stripe before the span is free."""
    moment = claim("1969-07-20")
    shop.go_to_the_till(moment)
    browser = shop.browser(moment.user)
    browser.post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.double.open_sessions() == []
    assert claim("1969-07-20", user=rival)


def test_called_off_when_it_was_paid(shop, claim):
    """Fault 17: closing finds a payment, and that counts."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    shop.browser(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == OWNED


def test_called_off_while_money_is_on_its_way(shop, claim):
    moment = claim("1969-07-20")
    shop.double.pay_unpaid(shop.go_to_the_till(moment))
    shop.deliver()
    shop.browser(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


def test_called_off_while_stripe_is_away(shop, claim):
    moment = claim("1969-07-20")
    shop.go_to_the_till(moment)
    shop.double.answer(503, times=None)
    answer = shop.browser(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert answer.status_code == 503
    assert shop.state(moment) == (Status.PAYING, OrderStatus.OPEN)


def test_called_off_before_it_was_opened(shop, claim):
    """What was only intended is found at Stripe first, and then closed."""
    moment = claim("1969-07-20")
    shop.double.drop(CREATE, times=None)
    assert shop.press_pay(moment).status_code == 503
    shop.double.heal()
    shop.browser(moment.user).post(reverse("timeline:claim-call-off", args=[moment.pk]))
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    assert shop.double.open_sessions() == []


@pytest.fixture
def without_cache(settings):
    """Let the cache be at an address where nobody listens."""
    nowhere = {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{free_port()}/0",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "IGNORE_EXCEPTIONS": True},
    }
    strict = nowhere | {"OPTIONS": nowhere["OPTIONS"] | {"IGNORE_EXCEPTIONS": False}}
    settings.CACHES = {"default": nowhere, "throttle": strict}
    assert cache.get("anything") is None


def test_without_redis(shop, claim, claimant, without_cache):
    """Fault 29: the purchase succeeds throughout."""
    browser = shop.browser(claimant)
    held = browser.post(
        reverse("timeline:claim-hold"),
        {"start": "1969-07-20T20:17:40Z", "seconds": "60", "zone": "UTC"},
    )
    assert held.status_code == 303
    assert browser.post(held["Location"], {"title": "A step", "visibility": "public"}).status_code
    moment = Order.objects.get().moment
    shop.buy(moment)
    assert shop.come_back(moment).status_code == 200
    assert shop.state(moment) == OWNED


def test_a_free_order(shop, claim, settings):
    """Fault 33: fulfilled once, without a provider."""
    settings.PRICE_MOMENT = settings.PRICE_FURTHER_HOUR = 0
    moment = claim("1969-07-20")
    for _ in range(2):
        assert shop.press_pay(moment).status_code == 303
    assert shop.state(moment) == OWNED
    assert shop.times(moment, "claimed, free of charge") == 1
    assert shop.double.requests == []


def test_stripes_own_free_order(shop, claim):
    """Edge case 12: a session that nothing was to be paid for is done, and names no payment."""
    moment = claim("1969-07-20")
    session = shop.go_to_the_till(moment)
    shop.double.change(session, amount=0)
    shop.double.pay(session)
    assert shop.deliver() == [200]
    # It is not what was asked for: not given away, and there is nothing to pay back.
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)
    invariants.check_settled()
