"""Poll the payment providers for every open checkout and refund, in case a webhook was lost.

Safe to run at any time, and twice at once: each step uses the same functions as the
webhook and the pages, and those apply everything exactly once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import ParamSpec, TypeVar

from django.db import DatabaseError
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from timeline.core.exceptions import TimelineError
from timeline.models import (
    UNSETTLED,
    Checkout,
    CheckoutState,
    Moment,
    PaymentEvent,
    Refund,
    Status,
)
from timeline.services.payments import checkout as checkouts
from timeline.services.payments import events, refunds, settlement
from timeline.services.payments.providers import get_provider
from timeline.services.payments.providers.base import (
    Event,
    Provider,
    ProviderError,
    ProviderUnavailable,
    Session,
    SessionState,
)

logger = logging.getLogger("timeline.payments")

# A younger checkout without a session may be waiting for the provider's answer right now.
MIN_UNOPENED_AGE = dt.timedelta(minutes=2)
# How far the provider's clock may differ from ours.
CLOCK_TOLERANCE = dt.timedelta(minutes=15)
# How far back to look for events that did not reach us. Providers retry a webhook for three days.
EVENT_HISTORY = dt.timedelta(days=4)
# The event list is always read at least this far back, and further while events are missing.
MIN_EVENT_HISTORY = dt.timedelta(hours=1)
PAGE_SIZE = 100
BATCH_SIZE = 500

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def reconcile() -> Counter[str]:
    """Settle everything that is open, as far as the providers answer. Return how many of each kind.

    A provider that does not answer when we list its events gets no further calls:
    each of them would wait for the timeout, and all other work would wait with it.
    """
    done: Counter[str] = Counter()
    available: list[str] = []
    for name in _list_providers_in_use():
        try:
            done["missed events"] += _run_step(_receive_missing_events, get_provider(name)) or 0
        except ProviderUnavailable:
            continue
        available.append(name)
    done["events"] = events.apply_pending_events(available)
    for name in available:
        with contextlib.suppress(ProviderUnavailable):
            done["checkouts"] += _run_step(_settle_open_checkouts, get_provider(name)) or 0
    done["refunds"] = _count_successes(refunds.submit_refund, _list_pending_refunds(available))
    done["released"] = _count_successes(settlement.release_unpaid, _unpaid_without_session())
    return done


def _list_providers_in_use() -> list[str]:
    return sorted(Checkout.objects.order_by().values_list("provider", flat=True).distinct())


def _run_step(step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Run one step and return its result; None if it failed.

    A failure is logged, the other steps go on, and the next run tries again. Only
    ProviderUnavailable is raised: further calls to that provider would fail as well.
    """
    try:
        return step(*args, **kwargs)
    except ProviderUnavailable as error:
        logger.warning("reconciling %s: %s", args[0], error)
        raise
    except (ProviderError, TimelineError) as error:
        logger.warning("reconciling %s: %s", args[0], error)
    except DatabaseError:
        logger.exception("reconciling %s", args[0])
    return None


def _count_successes(step: Callable[[T], bool], items: Iterable[T]) -> int:
    return sum(bool(_run_step(step, item)) for item in items)


def _receive_missing_events(provider: Provider) -> int:
    """Receive the provider's events that did not reach us. Return how many.

    The list is read to its end before anything is stored, and the oldest event is
    stored first. So if this is interrupted, only the newest events are missing, and
    the next run begins to read there.
    """
    missing = _missing_events(provider)
    for event in missing:
        events.receive_event(provider, event)
    return len(missing)


def _missing_events(provider: Provider) -> list[Event]:
    """Return the provider's events that are not stored, oldest first."""
    now = timezone.now()
    newest_first = provider.list_events(now - EVENT_HISTORY)
    missing: list[Event] = []
    while page := list(islice(newest_first, PAGE_SIZE)):
        unknown = _filter_unknown(provider, page)
        missing += unknown
        oldest = page[-1].sent_at
        if not unknown and oldest is not None and oldest < now - MIN_EVENT_HISTORY:
            break
    return missing[::-1]


def _filter_unknown(provider: Provider, page: list[Event]) -> list[Event]:
    ids = [event.id for event in page]
    stored = PaymentEvent.objects.filter(provider=provider.name, event_id__in=ids)
    known = set(stored.values_list("event_id", flat=True))
    return [event for event in page if event.id not in known]


def _settle_open_checkouts(provider: Provider) -> int:
    """Fetch and settle at most ``BATCH_SIZE`` open checkouts. Return how many.

    Those polled longest ago come first, so a payment that is pending for days does
    not keep others from their turn.
    """
    open_checkouts = Checkout.objects.filter(
        provider=provider.name, state__in=[*UNSETTLED, CheckoutState.ABANDONED]
    )
    by_last_poll = open_checkouts.order_by(F("polled_at").asc(nulls_first=True), "created_at")
    batch = list(by_last_poll.select_related("order__moment")[:BATCH_SIZE])
    Checkout.objects.filter(pk__in=[checkout.pk for checkout in batch]).update(polled_at=Now())
    sessions = _list_sessions_by_key(provider, [one for one in batch if not one.session_id])
    for checkout in batch:
        _run_step(_settle_checkout, checkout, provider, sessions)
    return len(batch)


def _list_sessions_by_key(provider: Provider, unlinked: list[Checkout]) -> dict[str, Session]:
    """Return the provider's sessions by key, from the time of the oldest of these checkouts.

    For checkouts without a session id: the call that created the session may have
    been interrupted.
    """
    if not unlinked:
        return {}
    since = min(checkout.created_at for checkout in unlinked) - CLOCK_TOLERANCE
    return {session.key: session for session in provider.list_sessions(since) if session.key}


def _settle_checkout(checkout: Checkout, provider: Provider, sessions: dict[str, Session]) -> None:
    """Fetch the session of a checkout and settle it. If it is abandoned or overdue, expire it first."""
    if checkout.session_id:
        session = provider.get_session(checkout.session_id)
    elif checkout.key in sessions:
        session = sessions[checkout.key]
        checkouts.link_session(checkout, session)
    else:
        _end_unopened(checkout)
        return
    is_abandoned = checkout.state == CheckoutState.ABANDONED
    is_overdue = checkout.expires_at + CLOCK_TOLERANCE < timezone.now()
    if session.state is SessionState.OPEN and (is_abandoned or is_overdue):
        session = provider.expire_session(session.id)
    settlement.settle(checkout, session)


def _end_unopened(checkout: Checkout) -> None:
    """End a checkout that has no session at the provider and can no longer get one."""
    if checkout.created_at + MIN_UNOPENED_AGE > timezone.now():
        return
    if checkout.state == CheckoutState.ABANDONED:
        # Abandoned long ago, and the provider created nothing: there is no session to expire.
        Checkout.objects.filter(pk=checkout.pk).update(state=CheckoutState.EXPIRED)
        return
    checkouts.abandon(checkout)


def _list_pending_refunds(providers: list[str]) -> list[int]:
    """Return the ids of at most ``BATCH_SIZE`` pending refunds, those with the fewest attempts first."""
    pending = Refund.objects.filter(state=Refund.State.PENDING, checkout__provider__in=providers)
    by_attempts = pending.order_by("attempts", "created_at")
    return list(by_attempts.values_list("pk", flat=True)[:BATCH_SIZE])


def _unpaid_without_session() -> list[Moment]:
    """Return at most ``BATCH_SIZE`` moments past their time to pay that have no unsettled checkout."""
    unsettled = Checkout.objects.filter(order__moment=OuterRef("pk"), state__in=UNSETTLED)
    waiting = Moment.objects.filter(~Exists(unsettled), status=Status.PAYING, held_until__lte=Now())
    return list(waiting[:BATCH_SIZE])
