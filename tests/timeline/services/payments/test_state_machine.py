"""Anything that people, providers, staff and clocks may do, in any order: nothing is lost."""

from __future__ import annotations

import contextlib
import datetime as dt
import os

import pytest
from django.db import transaction
from django.db.models import F
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from tests.support import invariants
from tests.support.examples import examples
from tests.support.strategies import crowded_spans
from tests.support.stripe_double import StripeDouble
from tests.support.stripe_double.account import Refused
from timeline.core.exceptions import ClaimRefused, SpanTaken
from timeline.models import (
    Checkout,
    CheckoutState,
    Moment,
    Order,
    OrderStatus,
    SandboxSession,
    Status,
)
from timeline.services.claims import fulfilment, holds
from timeline.services.payments import checkout, emails, events, refunds, settlement
from timeline.services.payments.exceptions import PaymentUnavailable, RefundRefused
from timeline.services.payments.holds import hold_or_expire
from timeline.services.payments.providers import get_provider, sandbox
from timeline.services.payments.reconciliation import reconcile

# As many as are wanted, for once: EXAMPLES=10000.
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
REFUSED = (ClaimRefused, SpanTaken, RefundRefused, PaymentUnavailable)


class Purchases(RuleBasedStateMachine):
    """Two people after the same spans; what a transaction owes on commit waits for the reconciler.

    That is what a process killed right after each commit leaves behind.
    """

    @initialize()
    def begin(self):
        self.people = [
            User.objects.create_user(f"{name}@example.org", name) for name in ("eve", "max")
        ]
        self.staff = User.objects.create_superuser("chief@example.org", "chief")

    @rule(who=st.integers(0, 1), span=crowded_spans(), amount=st.sampled_from([0, 500]))
    def hold(self, who, span, amount):
        with contextlib.suppress(*REFUSED):
            moment = hold_or_expire(self.people[who], span)
            Order.objects.filter(moment=moment, status=OrderStatus.OPEN, checkouts=None).update(
                amount=amount, tariff=F("tariff")
            )
            Moment.objects.filter(pk=moment.pk, title="").update(title="A")

    @rule(data=st.data())
    def pay_nothing(self, data):
        self.on_a_moment(data, fulfilment.claim_free_of_charge)

    @rule(data=st.data())
    def go_to_the_till(self, data):
        self.on_a_moment(data, checkout.start_checkout)

    @rule(data=st.data())
    def intend_and_die(self, data):
        self.on_a_moment(data, checkout._prepare_checkout)

    @rule(data=st.data())
    def extend(self, data):
        self.on_a_moment(data, holds.extend)

    @rule(data=st.data())
    def give_back(self, data):
        self.on_a_moment(data, holds.give_back)

    @rule(data=st.data())
    def call_off(self, data):
        self.on_a_moment(data, checkout.cancel_payment)

    @rule(data=st.data())
    def let_a_hold_expire(self, data):
        if moment := self.one_of(data, Moment.objects.filter(held_until__isnull=False)):
            Moment.objects.filter(pk=moment.pk).update(
                held_until=F("held_until") - dt.timedelta(days=1)
            )

    @rule(
        data=st.data(), state=st.sampled_from(["paid", "paid late", "pending", "expired", "failed"])
    )
    def something_happens_at_the_provider(self, data, state):
        session = self.one_of(data, SandboxSession.objects.all())
        if session is None:
            return
        if state in ("paid", "paid late"):
            sandbox.pay(session.pk, allow_expired=state == "paid late")
            return
        before = {"pending": ["open"], "expired": ["open"], "failed": ["pending"]}[state]
        SandboxSession.objects.filter(pk=session.pk, state__in=before).update(state=state)

    @rule(data=st.data())
    def the_money_arrives(self, data):
        if session := self.one_of(data, SandboxSession.objects.filter(state="pending")):
            SandboxSession.objects.filter(pk=session.pk).update(
                state="paid", payment_id=f"pay_{session.pk}"
            )

    @rule(data=st.data())
    def the_amount_is_another(self, data):
        if session := self.one_of(data, SandboxSession.objects.filter(state="open")):
            SandboxSession.objects.filter(pk=session.pk).update(amount=F("amount") + 1)

    @rule(data=st.data())
    def a_message_comes(self, data):
        if one := self.one_of(data, Checkout.objects.exclude(session_id="")):
            settlement.refresh(one)

    @rule(data=st.data())
    def the_next_claimer_asks(self, data):
        waiting = Moment.objects.filter(status=Status.PAYING)
        if moment := self.one_of(data, waiting):
            checkout.expire_payment(moment)

    @rule(data=st.data())
    def an_attempt_fails_for_good(self, data):
        if one := self.one_of(data, Checkout.objects.filter(state=CheckoutState.INTENDED)):
            checkout.abandon(one)

    @rule(data=st.data())
    def staff_pays_back(self, data):
        if order := self.one_of(data, Order.objects.all()):
            with contextlib.suppress(*REFUSED):
                refunds.refund_order(order, "asked for", actor=self.staff)

    @rule(dispute=st.sampled_from(["open", "won", "lost"]), data=st.data())
    def the_bank_speaks(self, data, dispute):
        disputable = [OrderStatus.PAID, OrderStatus.DISPUTED]
        if order := self.one_of(data, Order.objects.filter(status__in=disputable, amount__gt=0)):
            refunds.apply_dispute(order, refunds.Dispute(dispute))

    @rule()
    def sweep(self):
        holds.close_expired_holds()

    @rule()
    def reconcile(self):
        reconcile()

    @rule()
    def send_mails(self):
        emails.send_due_emails()

    @invariant()
    def nothing_is_lost(self):
        invariants.check()

    def teardown(self):
        # An intention that is a moment old may still be waiting for its answer: let it be old.
        Checkout.objects.update(created_at=F("created_at") - dt.timedelta(hours=1))
        for _ in range(3):
            reconcile()
        invariants.check_settled()

    def on_a_moment(self, data, step):
        if moment := self.one_of(data, Moment.objects.filter(order__isnull=False)):
            with contextlib.suppress(*REFUSED):
                step(moment)

    def one_of(self, data, rows):
        # In the order in which they were made, for ids are random; and drawn whatever their number
        # is, for Hypothesis wants the same draws when it runs the same steps again.
        rows = list(rows.order_by("created_at"))
        number = data.draw(st.integers(0, 11))
        return rows[number % len(rows)] if rows else None


class StripePurchases(Purchases):
    """The same over HTTP, with a Stripe that loses answers, repeats itself and tells in any order."""

    double: StripeDouble

    @rule(
        fault=st.sampled_from(["drop", "fail", "answer"]),
        call=st.sampled_from(
            [
                "POST /v1/checkout/sessions",
                "POST /v1/checkout/sessions/:id/expire",
                "POST /v1/refunds",
                "GET /v1/checkout/sessions*",
                "GET /v1/events",
                "*",
            ]
        ),
        times=st.integers(1, 4),
    )
    def stripe_fails(self, fault, call, times):
        arguments = (503,) if fault == "answer" else ()
        getattr(self.double, fault)(*arguments, call=call, times=times)

    @rule()
    def stripe_is_well_again(self):
        self.double.heal()

    @rule(
        data=st.data(),
        what=st.sampled_from(["pay", "pay", "pay_unpaid", "succeed_async", "fail_async", "expire"]),
    )
    def something_happens_at_the_provider(self, data, what):
        self.on_a_thing(data, "session", getattr(self.double, what))

    @rule(data=st.data())
    def the_money_arrives(self, data):
        self.on_a_thing(data, "session", self.double.succeed_async)

    @rule(data=st.data())
    def the_amount_is_another(self, data):
        self.on_a_thing(data, "session", lambda one: self.double.change(one, amount=501))

    @rule(data=st.data())
    def the_dashboard_pays_back(self, data):
        self.on_a_thing(data, "intent", self.double.refund)

    @rule(data=st.data())
    def a_refund_does_not_arrive(self, data):
        pending = list(self.double.things["refund"].values())
        if pending:
            one = pending[data.draw(st.integers(0, 11)) % len(pending)]
            if one["status"] == "succeeded":
                self.double.fail_refund(one["id"])

    @rule(
        data=st.data(),
        dispute=st.sampled_from(["open_dispute", "win_dispute", "lose_dispute"]),
    )
    def the_bank_speaks(self, data, dispute):
        if dispute == "open_dispute":
            self.on_a_thing(data, "intent", self.double.open_dispute)
            return
        disputes = self.double.things["dispute"]
        waiting = [key for key, one in disputes.items() if one["status"] == "needs_response"]
        if waiting:
            getattr(self.double, dispute)(waiting[data.draw(st.integers(0, 11)) % len(waiting)])

    @rule(data=st.data())
    def a_message_comes(self, data):
        sent = self.double.events_of()
        number = data.draw(st.integers(0, 40))
        if sent:
            provider = get_provider("stripe")
            message = self.double.signed(sent[number % len(sent)])
            events.receive_event(provider, provider.verify_event(*message))
            events.apply_pending_events(["stripe"])

    def teardown(self):
        self.double.heal()
        for key, one in list(self.double.things["dispute"].items()):
            if one["status"] == "needs_response":
                self.double.lose_dispute(key)
        # What Stripe has kept of its own failures is forgotten after a day.
        self.double.set_clock(25 * 3600)
        super().teardown()
        self.nothing_is_kept_from_the_buyer()

    def nothing_is_kept_from_the_buyer(self):
        """By what Stripe says: of each payment, an active moment, or the money is back."""
        for one in Checkout.objects.filter(captured__gt=0).select_related("order"):
            disputes = self.double._disputes(one.payment_id)
            lost = any(dispute["status"] == "lost" for dispute in disputes)
            left = one.captured - self.double.refunded(one.payment_id)
            earned = one.order.status == OrderStatus.PAID and not hasattr(one, "refund")
            assert earned or lost or not left, f"{one.order}: {one.order.status}, {left} left"

    def on_a_thing(self, data, kind, step):
        things = list(self.double.things[kind])
        number = data.draw(st.integers(0, 11))
        if things:
            with contextlib.suppress(Refused, KeyError):
                step(things[number % len(things)])


def run(machine, number, steps):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or examples(number), stateful_step_count=steps, deadline=None
        ),
    )


def undone(machine):
    """Return a machine whose every example is undone in the database."""

    class InTransaction(machine):
        def __init__(self):
            super().__init__()
            self.transaction = transaction.atomic()
            self.transaction.__enter__()

        def teardown(self):
            try:
                super().teardown()
            finally:
                transaction.set_rollback(True)
                self.transaction.__exit__(None, None, None)

    return InTransaction


@pytest.mark.django_db
def test_any_purchases_in_any_order_lose_nothing():
    run(undone(Purchases), number=60, steps=40)


@pytest.mark.django_db
def test_any_purchases_over_stripe_lose_nothing(impatient, stripe_settings):
    class OverStripe(undone(StripePurchases)):
        def __init__(self):
            super().__init__()
            self.double = StripeDouble().__enter__()
            for name, value in self.double.environment().items():
                setattr(stripe_settings, name, value)
            get_provider.cache_clear()

        def teardown(self):
            try:
                super().teardown()
            finally:
                self.double.__exit__()

    run(OverStripe, number=8, steps=40)
