"""The hold in one round trip stores what the step-by-step path stores, and leaves other cases to it."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.utils import timezone

from tests.support.claims import let_time_pass, span_of
from timeline.core.exceptions import ClaimRefused
from timeline.models import Moment, Order, Status
from timeline.services.claims import holds
from timeline.services.claims.fast_hold import try_fast_hold

SPAN = span_of("1969-07-20T20:17:40Z", 12)
OVER_MIDNIGHT = span_of("1969-07-20T23:59:30Z", 60)
TEN_MINUTES = dt.timedelta(minutes=10)
# The fields that differ between any two rows.
DIFFERENT = {
    "id",
    "moment_id",
    "user_id",
    "created_at",
    "updated_at",
    "status_changed_at",
    "held_until",
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _require_postgresql(db):
    if connection.vendor != "postgresql":
        pytest.skip("only on PostgreSQL")


def fast_hold(user, span=SPAN):
    moment = Moment(user=user, starts_at=span.starts_at, ends_at=span.ends_at)
    order = Order(user=user, moment=moment, currency="eur", amount=500)
    return try_fast_hold(moment, order, max_holds=holds.MAX_HOLDS, duration=TEN_MINUTES)


def stored_values(model, **lookup):
    (stored,) = model.objects.filter(**lookup).values()
    return {name: value for name, value in stored.items() if name not in DIFFERENT}


@pytest.mark.django_db(transaction=True)
def test_it_works(claimant, django_assert_num_queries):
    with django_assert_num_queries(1):
        moment = holds.hold(claimant, OVER_MIDNIGHT, time_zone="Europe/Paris")
    stored = Moment.objects.select_related("order").get(pk=moment.pk)
    for field in Moment._meta.concrete_fields:
        assert getattr(moment, field.attname) == getattr(stored, field.attname), field.name
    assert moment.order == stored.order
    assert dt.timedelta(0) < moment.held_until - timezone.now() <= TEN_MINUTES


def test_step_by_step_hold_stores_the_same_rows(claimant, rival, monkeypatch):
    holds.hold(claimant, SPAN, time_zone="Asia/Kathmandu")
    monkeypatch.setattr(holds, "try_fast_hold", lambda *args, **kwargs: False)
    holds.hold(rival, span_of("1969-07-20T20:17:52Z", 12), time_zone="Asia/Kathmandu")
    ends = {"starts_at", "ends_at"}
    moments = [stored_values(Moment, user=user) for user in (claimant, rival)]
    fast, step_by_step = ({k: v for k, v in one.items() if k not in ends} for one in moments)
    assert fast == step_by_step
    assert stored_values(Order, user=claimant) == stored_values(Order, user=rival)


@pytest.mark.parametrize("status", [Status.HELD, Status.PAYING, Status.ACTIVE])
def test_taken_span_is_rejected(claimant, rival, status):
    moment = holds.hold(rival, SPAN)
    Moment.objects.filter(pk=moment.pk).update(status=status, title="Theirs")
    assert not fast_hold(claimant, span_of("1969-07-20T20:17:51Z", 60))
    assert fast_hold(claimant, span_of("1969-07-20T20:17:52Z", 60))


def test_expired_hold_is_left_to_the_step_by_step_path(claimant, rival):
    """The step-by-step path releases it first."""
    let_time_pass(holds.hold(rival, SPAN))
    assert not fast_hold(claimant)
    assert holds.hold(claimant, SPAN).status == Status.HELD


def test_more_than_the_maximum_is_rejected(claimant):
    for day in range(1, holds.MAX_HOLDS + 1):
        assert fast_hold(claimant, span_of(f"2001-01-0{day}"))
    assert not fast_hold(claimant)
    with pytest.raises(ClaimRefused):
        holds.hold(claimant, SPAN)


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"erase_after": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)}]
)
def test_account_that_is_closed_or_leaving_is_rejected(claimant, change):
    type(claimant).objects.filter(pk=claimant.pk).update(**change)
    assert not fast_hold(claimant)
    assert not Moment.objects.exists()


def test_rejected_hold_leaves_nothing_and_keeps_the_transaction(claimant):
    """A constraint refuses the order after the moment is written. The outer transaction goes on."""
    moment = Moment(user=claimant, starts_at=SPAN.starts_at, ends_at=SPAN.ends_at)
    order = Order(user=claimant, moment=moment, currency="eur", amount=-1)
    assert not try_fast_hold(moment, order, max_holds=3, duration=TEN_MINUTES)
    assert not Moment.objects.exists()
    assert moment._state.adding


def test_release_before_a_new_column_still_holds(claimant):
    """A later release has migrated already. The step-by-step path leaves the new column to its default."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE moments ADD COLUMN mood text NOT NULL DEFAULT 'calm'")
    assert not fast_hold(claimant)
    moment = holds.hold(claimant, SPAN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT mood FROM moments WHERE id = %s", [moment.pk])
        assert cursor.fetchone() == ("calm",)


@pytest.mark.django_db(transaction=True)
def test_concurrent_claims_of_one_person_stop_at_three(claimant):
    def hold(day):
        try:
            return holds.hold(claimant, span_of(f"2001-01-{day:02}"))
        except ClaimRefused:
            return None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        held = [moment for moment in pool.map(hold, range(1, 29)) if moment]
    assert len(held) == holds.MAX_HOLDS == Moment.objects.count() == Order.objects.count()
