"""How a moment goes from one state to the next.

``HELD → PAYING → ACTIVE → REVOKED``, and ``HELD | PAYING → RELEASED``. What is
released or revoked stays as a record; its span is free. One way leads back:
money that arrives after the release makes a moment active if nobody else has
the span by then, which the database's rule decides.
"""

from __future__ import annotations

import datetime as dt

from django.db.models.functions import Now

from momentverse import page_cache
from timeline.core.exceptions import TransitionRefused
from timeline.models import Moment, Picture, Status
from timeline.services.pictures.deletion import detach
from timeline.services.placement import HOLD_EXPIRED_REASON, lock_spans, retrying

ALLOWED_TRANSITIONS = {
    Status.HELD: frozenset({Status.PAYING, Status.ACTIVE, Status.RELEASED}),
    Status.PAYING: frozenset({Status.ACTIVE, Status.RELEASED}),
    Status.ACTIVE: frozenset({Status.REVOKED}),
    Status.REVOKED: frozenset[Status](),
    Status.RELEASED: frozenset({Status.ACTIVE}),
}


def can_transition(status: str, target: Status) -> bool:
    """Tell whether a moment in state ``status`` may go to ``target``."""
    return target in ALLOWED_TRANSITIONS[Status(status)]


def release(moment: Moment, reason: str) -> None:
    """Give back a span that was held or being paid for. Raises TransitionRefused."""
    _transition(moment, Status.RELEASED, reason)


def start_payment(moment: Moment, until: dt.datetime) -> None:
    """Keep a held span for who is paying for it, until the provider says otherwise.

    ``until`` is when the provider's session ends. Raises TransitionRefused.
    """
    _transition(moment, Status.PAYING, "", held_until=until)


def activate(moment: Moment) -> None:
    """Put a paid moment on the timeline. Raises TransitionRefused, or SpanTaken for a released one."""
    _transition(moment, Status.ACTIVE, "")


def revoke(moment: Moment, reason: str) -> None:
    """Take an active moment off the timeline. Raises TransitionRefused."""
    _transition(moment, Status.REVOKED, reason)


def _transition(
    moment: Moment, target: Status, reason: str, held_until: dt.datetime | None = None
) -> None:
    sources = [status for status in Status if can_transition(status, target)]

    def change() -> int:
        with lock_spans([moment.span], shown=target is Status.ACTIVE):
            if target is Status.REVOKED:
                page_cache.purge()
            # The state is compared and set in one statement: of two who try, one wins.
            changed = Moment.objects.filter(pk=moment.pk, status__in=sources).update(
                status=target, status_changed_at=Now(), status_reason=reason, held_until=held_until
            )
            if target is Status.REVOKED:
                detach(Picture.objects.filter(moment=moment))
            return changed

    changed = retrying(change)
    moment.refresh_from_db()
    # A lapsed hold was released on the way in: then what was asked for is done.
    if not changed and not (
        target is Status.RELEASED and moment.status_reason == HOLD_EXPIRED_REASON
    ):
        raise TransitionRefused(
            f"“{moment.title}” is {moment.get_status_display().lower()}"
            f" and cannot become {target.label.lower()}."
        )
