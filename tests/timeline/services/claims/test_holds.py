"""Hold, extend, describe, give back, edit, and release expired holds."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.support.claims import let_time_pass, span_of
from timeline.core.exceptions import ClaimRefused, SpanTaken, TagRefused
from timeline.models import Moment, MomentRevision, Order, OrderStatus, Status, Visibility
from timeline.selectors import availability, claims
from timeline.services import transitions
from timeline.services.claims import details, fulfilment, holds
from timeline.services.claims.details import MomentDetails
from timeline.services.payments import holds as payment_holds

pytestmark = pytest.mark.django_db

SPAN = span_of("1969-07-20T20:17:40Z", 12)
LATER = span_of("1969-07-21T02:56:15Z", 60)


def test_it_works(claimant, settings):
    moment = holds.hold(claimant, SPAN, time_zone="America/New_York")
    assert (moment.status, moment.user, moment.title) == (Status.HELD, claimant, "")
    assert (moment.utc_offset, moment.time_zone) == (-4 * 3600, "America/New_York")
    left = moment.held_until - timezone.now()
    assert dt.timedelta(0) < left <= dt.timedelta(seconds=settings.HOLD_SECONDS)
    assert (moment.order.status, moment.order.amount) == (OrderStatus.OPEN, settings.PRICE_MOMENT)
    assert claims.list_open_claims(claimant) == [moment]


def test_hold_of_the_same_span_again_returns_the_same_claim(claimant):
    """Edge case 8: a double click, or a form that is sent again."""
    assert holds.hold(claimant, SPAN).pk == holds.hold(claimant, SPAN).pk
    assert Order.objects.count() == 1


def test_span_held_by_somebody_else_is_taken(claimant, rival):
    """Fault 19: one person gets the hold, the others see that the span is taken."""
    holds.hold(claimant, SPAN)
    overlapping = span_of("1969-07-20T20:17:45Z", 1)
    with pytest.raises(SpanTaken):
        holds.hold(rival, overlapping)
    assert not availability.get_availability(overlapping).free
    assert availability.get_availability(LATER).free


def test_own_overlapping_hold_is_refused_too(claimant):
    holds.hold(claimant, SPAN)
    with pytest.raises(SpanTaken):
        holds.hold(claimant, span_of("1969-07-20T20:17:45Z", 60))


def test_expired_hold_is_free_at_once(claimant, rival):
    """Edge case 9: the next claim releases it in its own transaction; no command has to run."""
    old = holds.hold(claimant, SPAN)
    let_time_pass(old)
    assert availability.get_availability(SPAN).free
    new = holds.hold(rival, SPAN)
    old.refresh_from_db()
    assert (old.status, new.status) == (Status.RELEASED, Status.HELD)


def test_own_expired_hold_can_be_held_again(claimant):
    old = holds.hold(claimant, SPAN)
    let_time_pass(old)
    assert holds.hold(claimant, SPAN).pk != old.pk


def test_fourth_hold_is_refused(claimant):
    held = [holds.hold(claimant, span_of(f"2001-01-0{day}")) for day in (1, 2, 3)]
    with pytest.raises(ClaimRefused, match="the most at a time"):
        holds.hold(claimant, span_of("2001-01-04"))
    let_time_pass(held[0])
    assert holds.hold(claimant, span_of("2001-01-04"))


def test_hold_is_refused_before_account_deletion(claimant):
    claimant.erase_after = timezone.now() + dt.timedelta(days=3)
    claimant.save()
    with pytest.raises(ClaimRefused, match="about to be deleted"):
        holds.hold(claimant, SPAN)


def test_hold_is_refused_for_a_closed_account(claimant):
    claimant.is_active = False
    claimant.save()
    with pytest.raises(ClaimRefused, match="closed"):
        holds.hold(claimant, SPAN)


def test_availability_says_until_when_a_span_is_paid_for(claim):
    """Edge case 9: “being paid for, free at hh:mm at the latest”."""
    moment = claim("1969-07-20T20:17:40Z", 12)
    until = timezone.now() + dt.timedelta(minutes=30)
    Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING, held_until=until)
    assert availability.get_availability(SPAN) == availability.Availability(
        free=False, free_at=until
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [1, claims.MAX_OVERDUE_PAYMENTS])
def test_overdue_payments_are_expired_before_a_hold_is_refused(claim, rival, monkeypatch, number):
    """Edge case 9: the session is closed outside any transaction, then the hold is tried again."""
    overdue = [claim(f"1969-07-20T20:17:4{n}Z", 1) for n in range(number)]
    for moment in overdue:
        Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING)
        let_time_pass(moment)
    expired = []

    def release(moment):
        assert not connection.in_atomic_block
        expired.append(moment)
        Moment.objects.filter(pk=moment.pk).update(status=Status.RELEASED)

    monkeypatch.setattr(payment_holds, "expire_payment", release)
    assert payment_holds.hold_or_expire(rival, SPAN).status == Status.HELD
    assert expired == overdue


def test_hold_is_refused_without_overdue_payments(claim, rival, monkeypatch):
    claim("1969-07-20T20:17:40Z", 12)
    monkeypatch.setattr(payment_holds, "expire_payment", None)
    with pytest.raises(SpanTaken):
        payment_holds.hold_or_expire(rival, SPAN)


@pytest.mark.django_db(transaction=True)
def test_hold_is_refused_if_the_payment_cannot_be_expired(claim, rival, monkeypatch):
    """The provider does not answer: it is called once, and nothing changes."""
    moment = claim("1969-07-20T20:17:40Z", 12)
    Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING)
    let_time_pass(moment)
    calls = []
    monkeypatch.setattr(payment_holds, "expire_payment", calls.append)
    with pytest.raises(SpanTaken):
        payment_holds.hold_or_expire(rival, SPAN)
    assert calls == [moment]


def test_hold_is_extended_a_limited_number_of_times(claimant, settings):
    settings.HOLD_EXTENSIONS = 2
    moment = holds.hold(claimant, SPAN)
    for _ in range(2):
        let_time_pass(moment, seconds=300)
        before = moment.held_until
        holds.extend(moment)
        assert moment.held_until > before
    with pytest.raises(ClaimRefused, match="as often as it can be"):
        holds.extend(moment)


def test_hold_that_expires_within_a_change_refuses_it(claimant):
    """Edge case 9: the hold expires between the check and the write."""
    moment = holds.hold(claimant, SPAN)

    def pay():
        with holds.locked_hold(moment) as (_, held):
            let_time_pass(held)
            transitions.start_payment(held, until=timezone.now())

    with pytest.raises(ClaimRefused, match="released"):
        pay()


@pytest.mark.parametrize("step", [holds.extend, holds.give_back, fulfilment.claim_free_of_charge])
def test_expired_hold_refuses_every_change(claimant, step):
    moment = holds.hold(claimant, SPAN)
    let_time_pass(moment)
    with pytest.raises(ClaimRefused, match="is over"):
        step(moment)


def test_give_back_frees_the_span_and_closes_the_order(claimant, rival):
    moment = holds.hold(claimant, SPAN)
    holds.give_back(moment)
    assert moment.status == Status.RELEASED
    moment.order.refresh_from_db()
    assert moment.order.status == OrderStatus.CLOSED
    assert holds.hold(rival, SPAN)


def test_details_are_normalised_and_stored(claimant):
    moment = holds.hold(claimant, SPAN)
    details.update_details(
        moment, MomentDetails("  One small  step ", "And\r\nmore", "Moon", ("Apollo", "moon"))
    )
    moment.refresh_from_db()
    assert (moment.title, moment.story, moment.place) == ("One small step", "And\nmore", "Moon")
    assert [tag.name for tag in moment.tags.all()] == ["apollo", "moon"]
    assert moment.status == Status.HELD


def test_invalid_details_change_nothing(claim):
    moment = claim("1969-07-20")
    with pytest.raises(ValidationError):
        details.update_details(moment, MomentDetails("\u200b"))
    with pytest.raises(TagRefused):
        details.update_details(moment, MomentDetails("New", tags=("!!",)))
    moment.refresh_from_db()
    assert moment.title == "A small step"


def test_price_list_is_frozen_at_the_hold(claimant, settings):
    """Edge case 27: the price list changes between hold and pay."""
    settings.PRICE_MOMENT, settings.PRICE_NOT_PUBLIC = 500, 100
    moment = holds.hold(claimant, SPAN)
    settings.PRICE_MOMENT, settings.PRICE_NOT_PUBLIC = 9900, 9900
    details.update_details(moment, MomentDetails("A", visibility=Visibility.PRIVATE))
    order = Order.objects.get(moment=moment)
    assert order.amount == 600
    assert [line["amount"] for line in order.lines] == [500, 100]


def test_free_claim_is_fulfilled_once(claimant, settings):
    """Fault 33: a free order is fulfilled once."""
    settings.PRICE_MOMENT = settings.PRICE_FURTHER_HOUR = 0
    moment = holds.hold(claimant, SPAN)
    details.update_details(moment, MomentDetails("A"))
    fulfilment.claim_free_of_charge(moment)
    assert moment.status == Status.ACTIVE
    with pytest.raises(ClaimRefused, match="yours already"):
        fulfilment.claim_free_of_charge(moment)
    order = Order.objects.get(moment=moment)
    assert (order.status, order.log_entries.count()) == (OrderStatus.PAID, 1)
    assert order.paid_at


def test_claim_with_a_price_is_not_fulfilled_for_free(claim):
    with pytest.raises(ClaimRefused, match="has a price"):
        fulfilment.claim_free_of_charge(claim("1969-07-20"))


def test_claim_without_a_title_is_not_fulfilled(claimant, settings):
    settings.PRICE_MOMENT = settings.PRICE_FURTHER_HOUR = 0
    moment = holds.hold(claimant, SPAN)
    with pytest.raises(ClaimRefused, match="title first"):
        fulfilment.claim_free_of_charge(moment)


def test_edit_stores_a_revision_and_keeps_the_time(make_moment, claimant, make_tagged_moment):
    moment = make_tagged_moment("1969-07-20", "moon", user=claimant, title="Before", story="Old")
    details.edit_moment(
        moment, MomentDetails("After", "New", tags=("apollo",), visibility=Visibility.PRIVATE)
    )
    starts_at = moment.starts_at
    moment.refresh_from_db()
    assert (moment.title, moment.visibility, moment.starts_at) == ("After", "private", starts_at)
    (kept,) = MomentRevision.objects.filter(moment=moment)
    assert (kept.title, kept.story, kept.tags, kept.visibility) == (
        "Before", "Old", "moon", "public",
    )  # fmt: skip


def test_edit_is_refused_during_a_dispute(claim):
    """Fault 25: a dispute is opened."""
    moment = claim("1969-07-20")
    Moment.objects.filter(pk=moment.pk).update(status=Status.ACTIVE)
    Order.objects.update(status=OrderStatus.DISPUTED)
    with pytest.raises(ClaimRefused, match="disputed"):
        details.edit_moment(moment, MomentDetails("After"))


def test_edit_is_refused_after_revocation(make_moment):
    moment = make_moment("1969-07-20", status=Status.REVOKED)
    with pytest.raises(ClaimRefused, match="not on the timeline"):
        details.edit_moment(moment, MomentDetails("After"))


def test_claim_is_found_by_its_owner_only(claim, claimant, rival):
    moment = claim("1969-07-20")
    assert claims.get_claim(claimant, moment.pk) == moment
    assert claims.get_claim(rival, moment.pk) is None


def test_command_releases_expired_holds_and_closes_their_orders(claim):
    expired, held = claim("2001-01-01"), claim("2001-01-02")
    let_time_pass(expired)
    call_command("release_expired_holds")
    call_command("release_expired_holds")
    expired.refresh_from_db()
    held.refresh_from_db()
    assert (expired.status, held.status) == (Status.RELEASED, Status.HELD)
    assert {order.moment_id: order.status for order in Order.objects.all()} == {
        expired.pk: OrderStatus.CLOSED,
        held.pk: OrderStatus.OPEN,
    }


def test_overdue_payment_is_not_released_by_the_clock(claim):
    """Edge case 9: only the provider's answer releases it."""
    moment = claim("2001-01-01")
    Moment.objects.filter(pk=moment.pk).update(status=Status.PAYING)
    let_time_pass(moment)
    holds.close_expired_holds()
    moment.refresh_from_db()
    assert moment.status == Status.PAYING
