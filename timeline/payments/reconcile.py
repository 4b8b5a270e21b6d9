"""Settling what no message told: everything that is open is asked for at its provider.

Safe to run at any time, and twice at once: each step goes through the same
functions as messages and pages do, which apply a thing once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from timeline.errors import TimelineError
from timeline.models import (
    UNSETTLED,
    Checkout,
    CheckoutState,
    Moment,
    PaymentEvent,
    Refund,
    Status,
)
from timeline.payments import checkout as checkouts
from timeline.payments import events, refunds, settlement
from timeline.payments.providers import provider_named
from timeline.payments.providers.base import Provider, ProviderError, Session, SessionState

logger = logging.getLogger("timeline.payments")

# An intention this young may be waiting for the provider's answer right now.
OPENING = dt.timedelta(minutes=2)
# Sessions are listed from a little before the oldest open checkout: clocks differ.
CLOCKS_DIFFER = dt.timedelta(minutes=15)
# What is on record of messages that did not reach us. Providers keep trying for three days.
MISSED = dt.timedelta(days=4)
# How far before the last message that came the list of messages begins.
OVERLAPPING = dt.timedelta(hours=1)
AT_ONCE = 500


def reconcile() -> Counter[str]:
    """Settle all that is open, as far as the providers answer; return how much of each there was."""
    done: Counter[str] = Counter()
    done["events"] = events.apply_waiting()
    for name in _providers_in_use():
        provider = provider_named(name)
        done["missed events"] += _guarded(_missed_events, provider) or 0
        done["checkouts"] += _guarded(_open_checkouts, provider) or 0
    done["refunds"] = _each(refunds.pay_back, _pending_refunds())
    done["released"] = _each(settlement.release_unpaid, _waiting_for_nothing())
    return done


def _providers_in_use() -> list[str]:
    return sorted(Checkout.objects.order_by().values_list("provider", flat=True).distinct())


def _guarded(step: Callable[..., Any], *arguments: Any) -> Any:
    """Run one step. What fails is logged and tried again at the next run; the others go on."""
    try:
        return step(*arguments)
    except (ProviderError, TimelineError) as error:
        logger.warning("reconciling %s: %s", arguments[0], error)
        return None


def _each(step: Callable[..., Any], things: Iterable[Any]) -> int:
    return sum(_guarded(step, thing) is not None for thing in things)


def _missed_events(provider: Provider) -> int:
    """Take the messages that the provider has sent, and that have not come here."""
    stored = PaymentEvent.objects.filter(provider=provider.name).order_by("-received_at")
    last = stored.values_list("received_at", flat=True).first()
    earliest = timezone.now() - MISSED
    since = max(earliest, last - OVERLAPPING) if last else earliest
    found = 0
    for event in provider.events_since(since):
        events.receive(provider, event)
        found += 1
    return found


def _open_checkouts(provider: Provider) -> int:
    open_ones = Checkout.objects.filter(
        provider=provider.name, state__in=[*UNSETTLED, CheckoutState.ABANDONED]
    )
    batch = list(open_ones.select_related("order__moment").order_by("created_at")[:AT_ONCE])
    lost = [one for one in batch if not one.session_id]
    listed = _sessions_by_key(provider, lost)
    for one in batch:
        _guarded(_settle_one, one, provider, listed)
    return len(batch)


def _sessions_by_key(provider: Provider, lost: list[Checkout]) -> dict[str, Session]:
    """Return the provider's sessions of intentions whose session we were never told."""
    if not lost:
        return {}
    since = min(one.created_at for one in lost) - CLOCKS_DIFFER
    return {session.key: session for session in provider.sessions_since(since) if session.key}


def _settle_one(checkout: Checkout, provider: Provider, listed: dict[str, Session]) -> None:
    if checkout.session_id:
        session = provider.session(checkout.session_id)
    elif checkout.key in listed:
        session = listed[checkout.key]
        checkouts.adopt(checkout, session)
    else:
        _never_opened(checkout)
        return
    abandoned = checkout.state == CheckoutState.ABANDONED
    overdue = checkout.expires_at + CLOCKS_DIFFER < timezone.now()
    if session.state is SessionState.OPEN and (abandoned or overdue):
        session = provider.expire_session(session.id)
    settlement.settle(checkout, session)


def _never_opened(checkout: Checkout) -> None:
    """End an intention that the provider knows nothing of; it cannot be opened any more."""
    if checkout.created_at + OPENING > timezone.now():
        return
    if checkout.state == CheckoutState.ABANDONED:
        # Its attempt is long over, and nothing came of it.
        Checkout.objects.filter(pk=checkout.pk).update(state=CheckoutState.EXPIRED)
        return
    checkouts.abandon(checkout)


def _pending_refunds() -> list[int]:
    pending = Refund.objects.filter(state=Refund.State.PENDING).order_by("created_at")
    return list(pending.values_list("pk", flat=True)[:AT_ONCE])


def _waiting_for_nothing() -> list[Moment]:
    """Return spans that wait for a payment, past its time, of which none is open."""
    unsettled = Checkout.objects.filter(order__moment=OuterRef("pk"), state__in=UNSETTLED)
    waiting = Moment.objects.filter(~Exists(unsettled), status=Status.PAYING, held_until__lte=Now())
    return list(waiting[:AT_ONCE])
