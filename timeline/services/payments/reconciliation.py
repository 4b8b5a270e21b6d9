"""Settling what no message told: everything that is open is asked for at its provider.

Safe to run at any time, and twice at once: each step goes through the same
functions as messages and pages do, which apply a thing once.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

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

# An intention this young may be waiting for the provider's answer right now.
MIN_INTENTION_AGE = dt.timedelta(minutes=2)
# Sessions are listed from a little before the oldest open checkout: clocks differ.
CLOCK_TOLERANCE = dt.timedelta(minutes=15)
# What is on record of messages that did not reach us. Providers keep trying for three days.
EVENT_HISTORY = dt.timedelta(days=4)
# The list of messages is always read as far back as this, and on while one of them did not come.
MIN_EVENT_HISTORY = dt.timedelta(hours=1)
PAGE_SIZE = 100
BATCH_SIZE = 500


def reconcile() -> Counter[str]:
    """Settle all that is open, as far as the providers answer; return how much of each there was.

    One that is away when its messages are asked for is asked for nothing else:
    each further call would wait for its answer, and all other work for those.
    """
    done: Counter[str] = Counter()
    here: list[str] = []
    for name in _list_providers_in_use():
        try:
            done["missed events"] += _run_step(_missing_events, get_provider(name)) or 0
        except ProviderUnavailable:
            continue
        here.append(name)
    done["events"] = events.apply_pending_events(here)
    for name in here:
        with contextlib.suppress(ProviderUnavailable):
            done["checkouts"] += _run_step(_settle_open_checkouts, get_provider(name)) or 0
    done["refunds"] = _each(refunds.submit_refund, _list_pending_refunds(here))
    done["released"] = _each(settlement.release_unpaid, _unpaid_without_session())
    return done


def _list_providers_in_use() -> list[str]:
    return sorted(Checkout.objects.order_by().values_list("provider", flat=True).distinct())


def _run_step(step: Callable[..., Any], *arguments: Any) -> Any:
    """Run one step. What fails is logged and tried again at the next run; the others go on.

    Raises ProviderUnavailable: there is no use in asking on.
    """
    try:
        return step(*arguments)
    except ProviderUnavailable as error:
        logger.warning("reconciling %s: %s", arguments[0], error)
        raise
    except (ProviderError, TimelineError) as error:
        logger.warning("reconciling %s: %s", arguments[0], error)
    except DatabaseError:
        logger.exception("reconciling %s", arguments[0])
    return None


def _each(step: Callable[..., Any], things: Iterable[Any]) -> int:
    return sum(bool(_run_step(step, thing)) for thing in things)


def _missing_events(provider: Provider) -> int:
    """Take the messages that the provider has sent, and that have not come here; return how many.

    Stored after the list was read to its end, and oldest first: wherever that is
    cut off, what is missing is the newest, where the next run begins to read.
    """
    now = timezone.now()
    listed = provider.list_events(now - EVENT_HISTORY)
    missing: list[Event] = []
    while page := list(islice(listed, PAGE_SIZE)):
        new = _filter_unknown(provider, page)
        missing += new
        oldest = page[-1].sent_at
        if not new and oldest is not None and oldest < now - MIN_EVENT_HISTORY:
            break
    for event in reversed(missing):
        events.receive_event(provider, event)
    return len(missing)


def _filter_unknown(provider: Provider, page: list[Event]) -> list[Event]:
    ids = [event.id for event in page]
    stored = PaymentEvent.objects.filter(provider=provider.name, event_id__in=ids)
    known = set(stored.values_list("event_id", flat=True))
    return [event for event in page if event.id not in known]


def _settle_open_checkouts(provider: Provider) -> int:
    open_ones = Checkout.objects.filter(
        provider=provider.name, state__in=[*UNSETTLED, CheckoutState.ABANDONED]
    )
    # Who was asked for longest ago comes first, so that money on its way for days blocks nobody.
    in_turn = open_ones.order_by(F("polled_at").asc(nulls_first=True), "created_at")
    batch = list(in_turn.select_related("order__moment")[:BATCH_SIZE])
    Checkout.objects.filter(pk__in=[one.pk for one in batch]).update(polled_at=Now())
    lost = [one for one in batch if not one.session_id]
    listed = _list_sessions_by_key(provider, lost)
    for one in batch:
        _run_step(_settle_checkout, one, provider, listed)
    return len(batch)


def _list_sessions_by_key(provider: Provider, lost: list[Checkout]) -> dict[str, Session]:
    """Return the provider's sessions of intentions whose session we were never told."""
    if not lost:
        return {}
    since = min(one.created_at for one in lost) - CLOCK_TOLERANCE
    return {session.key: session for session in provider.list_sessions(since) if session.key}


def _settle_checkout(checkout: Checkout, provider: Provider, listed: dict[str, Session]) -> None:
    if checkout.session_id:
        session = provider.get_session(checkout.session_id)
    elif checkout.key in listed:
        session = listed[checkout.key]
        checkouts.link_session(checkout, session)
    else:
        _end_unopened(checkout)
        return
    abandoned = checkout.state == CheckoutState.ABANDONED
    overdue = checkout.expires_at + CLOCK_TOLERANCE < timezone.now()
    if session.state is SessionState.OPEN and (abandoned or overdue):
        session = provider.expire_session(session.id)
    settlement.settle(checkout, session)


def _end_unopened(checkout: Checkout) -> None:
    """End an intention that the provider knows nothing of; it cannot be opened any more."""
    if checkout.created_at + MIN_INTENTION_AGE > timezone.now():
        return
    if checkout.state == CheckoutState.ABANDONED:
        # Its attempt is long over, and nothing came of it.
        Checkout.objects.filter(pk=checkout.pk).update(state=CheckoutState.EXPIRED)
        return
    checkouts.abandon(checkout)


def _list_pending_refunds(providers: list[str]) -> list[int]:
    pending = Refund.objects.filter(state=Refund.State.PENDING, checkout__provider__in=providers)
    in_turn = pending.order_by("attempts", "created_at")
    return list(in_turn.values_list("pk", flat=True)[:BATCH_SIZE])


def _unpaid_without_session() -> list[Moment]:
    """Return spans that wait for a payment, past its time, of which none is open."""
    unsettled = Checkout.objects.filter(order__moment=OuterRef("pk"), state__in=UNSETTLED)
    waiting = Moment.objects.filter(~Exists(unsettled), status=Status.PAYING, held_until__lte=Now())
    return list(waiting[:BATCH_SIZE])
