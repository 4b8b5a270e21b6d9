"""Changes of a moment's state."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from timeline.core.exceptions import SpanTaken, TransitionRefused
from timeline.core.spans import MAX_DURATION
from timeline.models import Status
from timeline.services.placement import release_expired_holds
from timeline.services.transitions import activate, can_transition, release, revoke, start_payment


def test_it_works(make_moment):
    moment = make_moment("2020-01-01")
    revoke(moment, "made by mistake")
    assert (moment.status, moment.status_reason) == (Status.REVOKED, "made by mistake")
    assert moment.status_changed_at > moment.created_at
    assert make_moment("2020-01-01").pk  # its span is free


@pytest.mark.parametrize("status", [Status.HELD, Status.PAYING])
def test_release_of_a_moment_that_is_not_yet_active(make_moment, status):
    later = timezone.now() + dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=status, held_until=later)
    release(moment, "given back")
    assert moment.status == Status.RELEASED
    assert moment.held_until is None


def test_release_of_an_expired_hold_succeeds(make_moment):
    """Locking the span has released it already, so there is nothing left to do."""
    past = timezone.now() - dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=Status.HELD, held_until=past)
    release(moment, "given back")
    assert moment.status == Status.RELEASED


def test_release_after_the_expired_hold_was_released_succeeds(make_moment):
    """Somebody else's write may have released it a moment before."""
    past = timezone.now() - dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=Status.HELD, held_until=past)
    release_expired_holds([moment.span])
    release(moment, "given back")
    assert (moment.status, moment.status_reason) == (Status.RELEASED, "hold expired")


def test_second_release_is_refused(make_moment):
    later = timezone.now() + dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=Status.HELD, held_until=later)
    release(moment, "given back")
    with pytest.raises(TransitionRefused, match="cannot become"):
        release(moment, "given back")


@pytest.mark.parametrize(
    ("change", "status"),
    [(release, Status.ACTIVE), (release, Status.REVOKED), (release, Status.RELEASED),
     (revoke, Status.PAYING), (revoke, Status.REVOKED), (revoke, Status.RELEASED)],
)  # fmt: skip
def test_other_transitions_are_refused(make_moment, change, status):
    moment = make_moment("2020-01-01", status=status)
    with pytest.raises(TransitionRefused, match="cannot become"):
        change(moment, "x")
    moment.refresh_from_db()
    assert moment.status == status


def test_stored_state_decides_not_the_copy_in_memory(make_moment):
    moment = make_moment("2020-01-01")
    again = type(moment).objects.get()
    revoke(moment, "first")
    with pytest.raises(TransitionRefused, match="is revoked and cannot become revoked"):
        revoke(again, "second")
    moment.refresh_from_db()
    assert moment.status_reason == "first"


def test_only_a_released_moment_can_become_active_again():
    for status in Status:
        assert not can_transition(Status.REVOKED, status)
        assert can_transition(Status.RELEASED, status) is (status is Status.ACTIVE)


def test_released_moment_is_activated_if_its_span_is_free(make_moment):
    moment = make_moment("2020-01-01", status=Status.RELEASED)
    activate(moment)
    assert moment.status == Status.ACTIVE


def test_released_moment_stays_released_if_its_span_is_taken(make_moment):
    moment = make_moment("2020-01-01", status=Status.RELEASED)
    make_moment("2020-01-01T00:00:30Z")
    with pytest.raises(SpanTaken):
        activate(moment)
    moment.refresh_from_db()
    assert moment.status == Status.RELEASED


def test_paying_moment_stores_the_end_of_the_session(make_moment):
    later = timezone.now() + dt.timedelta(hours=1)
    moment = make_moment("2020-01-01", status=Status.HELD, held_until=timezone.now() + MAX_DURATION)
    start_payment(moment, until=later)
    assert (moment.status, moment.held_until) == (Status.PAYING, later)
