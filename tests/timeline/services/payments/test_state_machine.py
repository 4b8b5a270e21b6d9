"""The invariants hold whatever people, providers, staff and clocks do, in any order."""

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
from tests.support.examples import scale_examples
from tests.support.strategies import crowded_spans
from tests.support.stripe_double import StripeDouble
from tests.support.stripe_double.account import ApiError
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

# The number of examples for a single long run: EXAMPLES=10000.
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
REFUSED = (ClaimRefused, SpanTaken, RefundRefused, PaymentUnavailable)


class Purchases(RuleBasedStateMachine):
    """Two people buy overlapping spans. Nothing runs on commit, only the reconciler.

    That is the state that a process leaves behind if it is killed after every commit.
    """

    @initialize()
    def create_people(self):
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
    def claim_free_of_charge(self, data):
        self.run_on_a_moment(data, fulfilment.claim_free_of_charge)

    @rule(data=st.data())
    def start_checkout(self, data):
        self.run_on_a_moment(data, checkout.start_checkout)

    @rule(data=st.data())
    def die_before_calling_the_provider(self, data):
        self.run_on_a_moment(data, checkout._get_or_create_checkout)

    @rule(data=st.data())
    def extend(self, data):
        self.run_on_a_moment(data, holds.extend)

    @rule(data=st.data())
    def give_back(self, data):
        self.run_on_a_moment(data, holds.give_back)

    @rule(data=st.data())
    def cancel_payment(self, data):
        self.run_on_a_moment(data, checkout.cancel_payment)

    @rule(data=st.data())
    def expire_a_hold(self, data):
        if moment := self.draw_row(data, Moment.objects.filter(held_until__isnull=False)):
            Moment.objects.filter(pk=moment.pk).update(
                held_until=F("held_until") - dt.timedelta(days=1)
            )

    @rule(
        data=st.data(), state=st.sampled_from(["paid", "paid late", "pending", "expired", "failed"])
    )
    def change_a_session(self, data, state):
        session = self.draw_row(data, SandboxSession.objects.all())
        if session is None:
            return
        if state in ("paid", "paid late"):
            sandbox.pay(session.pk, allow_expired=state == "paid late")
            return
        before = {"pending": ["open"], "expired": ["open"], "failed": ["pending"]}[state]
        SandboxSession.objects.filter(pk=session.pk, state__in=before).update(state=state)

    @rule(data=st.data())
    def pending_money_arrives(self, data):
        if session := self.draw_row(data, SandboxSession.objects.filter(state="pending")):
            SandboxSession.objects.filter(pk=session.pk).update(
                state="paid", payment_id=f"pay_{session.pk}"
            )

    @rule(data=st.data())
    def change_an_amount(self, data):
        if session := self.draw_row(data, SandboxSession.objects.filter(state="open")):
            SandboxSession.objects.filter(pk=session.pk).update(amount=F("amount") + 1)

    @rule(data=st.data())
    def receive_an_event(self, data):
        if one := self.draw_row(data, Checkout.objects.exclude(session_id="")):
            settlement.refresh(one)

    @rule(data=st.data())
    def expire_for_the_next_claimant(self, data):
        waiting = Moment.objects.filter(status=Status.PAYING)
        if moment := self.draw_row(data, waiting):
            checkout.expire_payment(moment)

    @rule(data=st.data())
    def abandon_a_checkout(self, data):
        if one := self.draw_row(data, Checkout.objects.filter(state=CheckoutState.INTENDED)):
            checkout.abandon(one)

    @rule(data=st.data())
    def refund_by_staff(self, data):
        if order := self.draw_row(data, Order.objects.all()):
            with contextlib.suppress(*REFUSED):
                refunds.refund_order(order, "asked for", actor=self.staff)

    @rule(dispute=st.sampled_from(["open", "won", "lost"]), data=st.data())
    def change_a_dispute(self, data, dispute):
        disputable = [OrderStatus.PAID, OrderStatus.DISPUTED]
        if order := self.draw_row(data, Order.objects.filter(status__in=disputable, amount__gt=0)):
            refunds.apply_dispute(order, refunds.Dispute(dispute))

    @rule()
    def release_expired_holds(self):
        holds.close_expired_holds()

    @rule()
    def reconcile(self):
        reconcile()

    @rule()
    def send_emails(self):
        emails.send_due_emails()

    @invariant()
    def check_money(self):
        invariants.check()

    def teardown(self):
        # A young checkout may still be waiting for its response, so make all of them older.
        Checkout.objects.update(created_at=F("created_at") - dt.timedelta(hours=1))
        for _ in range(3):
            reconcile()
        invariants.check_settled()

    def run_on_a_moment(self, data, step):
        if moment := self.draw_row(data, Moment.objects.filter(order__isnull=False)):
            with contextlib.suppress(*REFUSED):
                step(moment)

    def draw_row(self, data, rows):
        # In order of creation, because ids are random. Always draw, because Hypothesis expects the
        # same draws when it repeats the same steps.
        rows = list(rows.order_by("created_at"))
        number = data.draw(st.integers(0, 11))
        return rows[number % len(rows)] if rows else None


class StripePurchases(Purchases):
    """The same over HTTP, with a Stripe that loses responses and sends events repeatedly, in any order."""

    double: StripeDouble

    @rule(
        fault=st.sampled_from(["drop", "fail", "respond_with"]),
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
    def inject_a_fault(self, fault, call, times):
        arguments = (503,) if fault == "respond_with" else ()
        getattr(self.double, fault)(*arguments, call=call, times=times)

    @rule()
    def clear_faults(self):
        self.double.clear_faults()

    @rule(
        data=st.data(),
        action=st.sampled_from(
            ["pay", "pay", "pay_async", "succeed_async", "fail_async", "expire"]
        ),
    )
    def change_a_session(self, data, action):
        self.run_on_an_object(data, "session", getattr(self.double, action))

    @rule(data=st.data())
    def pending_money_arrives(self, data):
        self.run_on_an_object(data, "session", self.double.succeed_async)

    @rule(data=st.data())
    def change_an_amount(self, data):
        self.run_on_an_object(
            data, "session", lambda one: self.double.change_session(one, amount=501)
        )

    @rule(data=st.data())
    def refund_in_the_dashboard(self, data):
        self.run_on_an_object(data, "intent", self.double.refund)

    @rule(data=st.data())
    def return_a_refund(self, data):
        pending = list(self.double.objects["refund"].values())
        if pending:
            one = pending[data.draw(st.integers(0, 11)) % len(pending)]
            if one["status"] == "succeeded":
                self.double.fail_refund(one["id"])

    @rule(
        data=st.data(),
        dispute=st.sampled_from(["open_dispute", "win_dispute", "lose_dispute"]),
    )
    def change_a_dispute(self, data, dispute):
        if dispute == "open_dispute":
            self.run_on_an_object(data, "intent", self.double.open_dispute)
            return
        disputes = self.double.objects["dispute"]
        waiting = [key for key, one in disputes.items() if one["status"] == "needs_response"]
        if waiting:
            getattr(self.double, dispute)(waiting[data.draw(st.integers(0, 11)) % len(waiting)])

    @rule(data=st.data())
    def receive_an_event(self, data):
        sent = self.double.events_of()
        number = data.draw(st.integers(0, 40))
        if sent:
            provider = get_provider("stripe")
            webhook = self.double.signed(sent[number % len(sent)])
            events.receive_event(provider, provider.verify_event(*webhook))
            events.apply_pending_events(["stripe"])

    def teardown(self):
        self.double.clear_faults()
        for key, one in list(self.double.objects["dispute"].items()):
            if one["status"] == "needs_response":
                self.double.lose_dispute(key)
        # Stripe removes its stored failures after a day.
        self.double.set_clock(25 * 3600)
        super().teardown()
        self.check_money_at_stripe()

    def check_money_at_stripe(self):
        """Check at Stripe that each payment has an active moment or was refunded."""
        for one in Checkout.objects.filter(captured__gt=0).select_related("order"):
            disputes = self.double._list_disputes(one.payment_id)
            lost = any(dispute["status"] == "lost" for dispute in disputes)
            left = one.captured - self.double.refunded(one.payment_id)
            earned = one.order.status == OrderStatus.PAID and not hasattr(one, "refund")
            assert earned or lost or not left, f"{one.order}: {one.order.status}, {left} left"

    def run_on_an_object(self, data, kind, step):
        things = list(self.double.objects[kind])
        number = data.draw(st.integers(0, 11))
        if things:
            with contextlib.suppress(ApiError, KeyError):
                step(things[number % len(things)])


def run_machine(machine, number, steps):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or scale_examples(number),
            stateful_step_count=steps,
            deadline=None,
        ),
    )


def in_rolled_back_transactions(machine):
    """Return a machine that rolls each example back in the database."""

    class InRolledBackTransaction(machine):
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

    return InRolledBackTransaction


@pytest.mark.django_db
def test_any_steps_in_any_order_keep_the_invariants():
    run_machine(in_rolled_back_transactions(Purchases), number=60, steps=40)


@pytest.mark.django_db
def test_any_steps_over_stripe_keep_the_invariants(short_timeouts, stripe_settings):
    class OverStripe(in_rolled_back_transactions(StripePurchases)):
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

    run_machine(OverStripe, number=8, steps=40)
