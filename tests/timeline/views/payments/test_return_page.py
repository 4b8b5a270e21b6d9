"""The page that Stripe leads back to: it asks Stripe once, and believes nothing that is in its address."""

from __future__ import annotations

import itertools
import os
import random
from concurrent.futures import ThreadPoolExecutor

from django.core import mail
from django.core.management import call_command
from django.db import connections
from django.urls import reverse

from tests.support.examples import examples
from timeline.models import OrderEmail, OrderStatus, Status

OWNED = (Status.ACTIVE, OrderStatus.PAID)


def test_it_works(shop, claim):
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    assert shop.come_back(moment).status_code == 200
    assert shop.state(moment) == OWNED
    assert shop.deliver() == [200]
    assert shop.times(moment, "paid") == 1


def test_a_made_up_session(shop, claim, rival):
    """Edge case 12: somebody else's session in the address shows and changes nothing."""
    mine, other = claim("1969-07-20"), claim("1969-07-21", user=rival)
    paid = shop.go_to_the_till(other)
    shop.double.pay(paid)
    shop.go_to_the_till(mine)
    address = reverse("timeline:claim-done", args=[mine.pk]) + f"?session_id={paid}"
    assert shop.browser(mine.user).get(address).status_code == 200
    assert shop.state(mine) == (Status.PAYING, OrderStatus.OPEN)
    foreign = reverse("timeline:claim-done", args=[other.pk])
    assert shop.browser(mine.user).get(foreign).status_code == 404


def test_stripe_is_away(shop, claim):
    """It tells what we know, and looks again by itself."""
    moment = claim("1969-07-20")
    shop.double.pay(shop.go_to_the_till(moment))
    shop.double.answer(503, times=None)
    answer = shop.come_back(moment)
    assert (answer.status_code, answer["Refresh"]) == (200, "5")
    shop.double.heal()
    assert "Refresh" not in shop.come_back(moment)
    assert shop.state(moment) == OWNED


def test_the_database_has_lost_its_patience(shop, claim, rival):
    """A page of a claim that was released says so, and is no error."""
    moment = claim("1969-07-20")
    shop.double.expire(shop.go_to_the_till(moment))
    assert shop.come_back(moment).status_code == 200
    assert shop.state(moment) == (Status.RELEASED, OrderStatus.CLOSED)


def test_with_the_message_and_the_reconciler_at_once(shop, claim):
    """Fault 2: one transition and one mail, whoever comes first. RUNS=200 takes a few minutes."""
    runs = int(os.environ.get("RUNS", "0")) or examples(20)
    moments = []

    def act(step):
        try:
            return step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for number in range(runs):
            moment = claim(f"{2000 + number}-07-20")
            shop.double.pay(shop.go_to_the_till(moment))
            event = shop.double.events[-1]
            steps = [
                lambda moment=moment: shop.come_back(moment).status_code,
                lambda event=event: shop.deliver(event)[0],
                lambda turn=number % 5: 200 if turn else shop.reconcile() and 200,
            ]
            random.Random(number).shuffle(steps)
            assert set(pool.map(act, steps)) == {200}
            moments.append(moment)
    for moment in moments:
        assert shop.state(moment) == OWNED
        assert shop.times(moment, "paid") == 1
    assert OrderEmail.objects.count() == len(mail.outbox) == runs


def test_in_any_order(shop, claim):
    """Fault 2: 24 ways one after the other."""
    ways = itertools.permutations(["page", "message", "reconciler", "sweeper"])
    for number, way in enumerate(ways):
        moment = claim(f"{2000 + number}-07-20")
        shop.double.pay(shop.go_to_the_till(moment))
        steps = {
            "page": lambda moment=moment: shop.come_back(moment),
            "message": lambda event=shop.double.events[-1]: shop.deliver(event),
            "reconciler": shop.reconcile,
            "sweeper": lambda: call_command("release_expired_holds"),
        }
        for name in way:
            steps[name]()
        assert shop.state(moment) == OWNED, way
        assert shop.times(moment, "paid") == 1, way
    assert OrderEmail.objects.count() == len(mail.outbox) == 24
