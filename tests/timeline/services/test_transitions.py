"""From one state to the next."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from timeline.core.exceptions import SpanTaken, TransitionRefused
from timeline.core.spans import MAX_DURATION
from timeline.models import Status
from timeline.services.transitions import activate, can_transition, release, revoke, start_payment


def test_it_works(make_moment):
    moment = make_moment("2020-01-01")
    revoke(moment, "made by mistake")
    assert (moment.status, moment.status_reason) == (Status.REVOKED, "made by mistake")
    assert moment.status_changed_at > moment.created_at
    assert make_moment("2020-01-01").pk  # its span is free


@pytest.mark.parametrize("status", [Status.HELD, Status.PAYING])
def test_what_is_not_yet_active_is_released(make_moment, status):
    later = timezone.now() + dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=status, held_until=later)
    release(moment, "asked for")
    assert moment.status == Status.RELEASED
    assert moment.held_until is None


def test_a_lapsed_hold_is_released_too(make_moment):
    """The write itself releases it on its way in; that is what was asked for."""
    past = timezone.now() - dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=Status.HELD, held_until=past)
    release(moment, "asked for")
    assert moment.status == Status.RELEASED


@pytest.mark.parametrize(
    ("change", "status"),
    [(release, Status.ACTIVE), (release, Status.REVOKED), (release, Status.RELEASED),
     (revoke, Status.PAYING), (revoke, Status.REVOKED), (revoke, Status.RELEASED)],
)  # fmt: skip
def test_other_steps_are_refused(make_moment, change, status):
    moment = make_moment("2020-01-01", status=status)
    with pytest.raises(TransitionRefused, match="cannot become"):
        change(moment, "x")
    moment.refresh_from_db()
    assert moment.status == status


def test_the_stored_state_decides_not_the_one_in_memory(make_moment):
    moment = make_moment("2020-01-01")
    again = type(moment).objects.get()
    revoke(moment, "first")
    with pytest.raises(TransitionRefused, match="is revoked and cannot become revoked"):
        revoke(again, "second")
    moment.refresh_from_db()
    assert moment.status_reason == "first"


def test_only_late_money_leads_back():
    for status in Status:
        assert not can_transition(Status.REVOKED, status)
        assert can_transition(Status.RELEASED, status) is (status is Status.ACTIVE)


def test_what_was_released_is_activated_if_its_span_is_free(make_moment):
    moment = make_moment("2020-01-01", status=Status.RELEASED)
    activate(moment)
    assert moment.status == Status.ACTIVE


def test_what_was_released_stays_so_when_somebody_has_its_span(make_moment):
    moment = make_moment("2020-01-01", status=Status.RELEASED)
    make_moment("2020-01-01T00:00:30Z")
    with pytest.raises(SpanTaken):
        activate(moment)
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED


def test_while_it_is_paid_for_it_says_until_when(make_moment):
    later = timezone.now() + dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=Status.HELD, held_until=timezone.now() + MAX_DURATION)
    start_payment(moment, until=later)
    assert (moment.status, moment.held_until) == (Status.PAYING, later)
