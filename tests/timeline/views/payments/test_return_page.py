"""The page that Stripe redirects back to: it polls Stripe once and ignores its query parameters."""

from __future__ import annotations

import itertools
import os
import random
from concurrent.futures import ThreadPoolExecutor

from django.core import mail
from django.core.management import call_command
from django.db import connections
from django.urls import reverse

from tests.support.examples import scale_examples
from timeline.models import OrderEmail, OrderStatus, Status

OWNED = (Status.ACTIVE, OrderStatus.PAID)


def test_it_works(shop, claim):
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    assert shop.open_return_page(moment).status_code == 200
    assert shop.state(moment) == OWNED
    assert shop.deliver() == [200]
    assert shop.count_log_entries(moment, "paid") == 1


def test_session_id_in_the_query_is_ignored(shop, claim, rival):
    """Edge case 12: somebody else's session id shows and changes nothing."""
    mine, other = claim("1969-07-20"), claim("1969-07-21", user=rival)
    paid = shop.start_checkout(other)
    shop.double.pay(paid)
    shop.start_checkout(mine)
    address = reverse("timeline:claim-done", args=[mine.pk]) + f"?session_id={paid}"
    assert shop.client_for(mine.user).get(address).status_code == 200
    assert shop.state(mine) == (Status.PAYING, OrderStatus.OPEN)
    foreign = reverse("timeline:claim-done", args=[other.pk])
    assert shop.client_for(mine.user).get(foreign).status_code == 404


def test_page_reloads_while_stripe_is_down(shop, claim):
    """It shows the stored state."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.start_checkout(moment))
    shop.double.respond_with(503, times=None)
    response = shop.open_return_page(moment)
    assert (response.status_code, response["Refresh"]) == (200, "5")
    shop.double.clear_faults()
    assert "Refresh" not in shop.open_return_page(moment)
    assert shop.state(moment) == OWNED


def test_page_of_a_released_claim(shop, claim, rival):
    """It is no error."""
    moment = claim("1969-07-20")
    shop.double.expire(shop.start_checkout(moment))
    assert shop.open_return_page(moment).status_code == 200
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)


def test_page_webhook_and_reconciler_at_once_settle_once(shop, claim):
    """Fault 2: one transition and one mail, whichever comes first. RUNS=200 takes a few minutes."""
    runs = int(os.environ.get("RUNS", "0")) or scale_examples(20)
    moments = []

    def act(step):
        try:
            return step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for number in range(runs):
            moment = claim(f"{2000 + number}-07-20")
            shop.double.pay(shop.start_checkout(moment))
            event = shop.double.events[-1]
            steps = [
                lambda moment=moment: shop.open_return_page(moment).status_code,
                lambda event=event: shop.deliver(event)[0],
                lambda turn=number % 5: 200 if turn else shop.reconcile() and 200,
            ]
            random.Random(number).shuffle(steps)
            assert set(pool.map(act, steps)) == {200}
            moments.append(moment)
    for moment in moments:
        assert shop.state(moment) == OWNED
        assert shop.count_log_entries(moment, "paid") == 1
    assert OrderEmail.objects.count() == len(mail.outbox) == runs


def test_page_webhook_reconciler_and_sweeper_in_any_order_settle_once(shop, claim):
    """Fault 2: all 24 orders, one after the other."""
    orders = itertools.permutations(["page", "webhook", "reconciler", "sweeper"])
    for number, order in enumerate(orders):
        moment = claim(f"{2000 + number}-07-20")
        shop.double.pay(shop.start_checkout(moment))
        steps = {
            "page": lambda moment=moment: shop.open_return_page(moment),
            "webhook": lambda event=shop.double.events[-1]: shop.deliver(event),
            "reconciler": shop.reconcile,
            "sweeper": lambda: call_command("release_expired_holds"),
        }
        for name in order:
            steps[name]()
        assert shop.state(moment) == OWNED, order
        assert shop.count_log_entries(moment, "paid") == 1, order
    assert OrderEmail.objects.count() == len(mail.outbox) == 24
