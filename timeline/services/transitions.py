"""Change a moment's state.

``HELD → PAYING → ACTIVE → REVOKED``, and ``HELD | PAYING → RELEASED``. A
released or revoked moment stays as a record, and its span is free. One way
leads back: when money arrives after the release, the moment becomes active if
its span is still free. The database's constraint decides that.
"""

from __future__ import annotations

import datetime as dt

from django.db.models.functions import Now

from momentverse import page_cache
from timeline.core.exceptions import TransitionRefused
from timeline.models import Moment, Picture, Status
from timeline.services.pictures.deletion import detach
from timeline.services.placement import lock_spans, retry_on_conflict

ALLOWED_TRANSITIONS = {
    Status.HELD: frozenset({Status.PAYING, Status.ACTIVE, Status.RELEASED}),
    Status.PAYING: frozenset({Status.ACTIVE, Status.RELEASED}),
    Status.ACTIVE: frozenset({Status.REVOKED}),
    Status.REVOKED: frozenset[Status](),
    Status.RELEASED: frozenset({Status.ACTIVE}),
}


def can_transition(status: str, target: Status) -> bool:
    """Return whether a moment in state ``status`` may go to state ``target``."""
    return target in ALLOWED_TRANSITIONS[Status(status)]


def start_payment(moment: Moment, until: dt.datetime) -> None:
    """Keep a held span for its person while they pay. Raises TransitionRefused.

    ``until`` is when the provider's session ends. The span is not free by the
    clock alone then: only the provider's answer releases it.
    """
    _transition(moment, Status.PAYING, held_until=until)


def activate(moment: Moment) -> None:
    """Put a paid moment on the timeline.

    Raises TransitionRefused, and SpanTaken for a released moment whose span
    somebody else has by now.
    """
    _transition(moment, Status.ACTIVE)


def revoke(moment: Moment, reason: str) -> None:
    """Take an active moment off the timeline. Raises TransitionRefused."""
    _transition(moment, Status.REVOKED, reason)


def release(moment: Moment, reason: str) -> None:
    """Release a span that was held or being paid for. Raises TransitionRefused.

    If the hold has expired, it is released already, and there is nothing left to do.
    """
    try:
        _transition(moment, Status.RELEASED, reason)
    except TransitionRefused:
        # Only `placement`, which releases expired holds, keeps `held_until` of a released moment.
        has_expired = moment.status == Status.RELEASED and moment.held_until is not None
        if not has_expired:
            raise


@retry_on_conflict
def _transition(
    moment: Moment, target: Status, reason: str = "", *, held_until: dt.datetime | None = None
) -> None:
    """Set a moment's state if its stored state allows that, and refresh ``moment``."""
    sources = [status for status in Status if can_transition(status, target)]
    with lock_spans([moment.span], affects_pages=target is Status.ACTIVE):
        if target is Status.REVOKED:
            page_cache.purge()
        # One statement compares and sets the state: of two people who try, one succeeds.
        changed = Moment.objects.filter(pk=moment.pk, status__in=sources).update(
            status=target, status_changed_at=Now(), status_reason=reason, held_until=held_until
        )
        if target is Status.REVOKED:
            detach(Picture.objects.filter(moment=moment))
    moment.refresh_from_db()
    if not changed:
        raise TransitionRefused(
            f"“{moment.title}” is {moment.get_status_display().lower()}"
            f" and cannot become {target.label.lower()}."
        )
