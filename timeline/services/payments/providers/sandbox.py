"""The sandbox: plays a payment provider with a table of its own, and takes no real money.

Its sessions live in ``sandbox_sessions``, which stands for another company's
database: only this folder looks at it. It never runs in production.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from timeline.models import CheckoutState, SandboxSession
from timeline.services.payments.providers.base import (
    Event,
    InvalidEvent,
    Payment,
    ProviderNotFound,
    ProviderRefused,
    Session,
    SessionRequest,
    SessionState,
)


class SandboxProvider:
    """A ``Provider`` whose buyers press a button."""

    name = "sandbox"
    live = False
    session_length = dt.timedelta(minutes=30)

    def create_session(self, request: SessionRequest) -> Session:
        """Open a session, or return the one that this key has opened before."""
        stored, _ = SandboxSession.objects.get_or_create(
            key=request.key,
            defaults={
                "session_id": f"sandbox_{secrets.token_urlsafe(18)}",
                "reference": request.reference,
                "description": request.description,
                "amount": request.amount,
                "currency": request.currency,
                "success_url": request.success_url,
                "cancel_url": request.cancel_url,
                "expires_at": request.expires_at,
            },
        )
        return _to_session(stored)

    def session(self, session_id: str) -> Session:
        """Return a session as it is now. Raises ProviderHasNone when there is none."""
        return _to_session(_get_stored_session(session_id))

    def expire_session(self, session_id: str) -> Session:
        """Close a session if it is still open, and return what it is then."""
        _get_stored_session(session_id)
        SandboxSession.objects.filter(pk=session_id, state=CheckoutState.OPEN).update(
            state=CheckoutState.EXPIRED
        )
        return self.session(session_id)

    def sessions_since(self, instant: dt.datetime) -> Iterator[Session]:
        """Yield all sessions made since ``instant``, newest first."""
        made = SandboxSession.objects.filter(created_at__gte=instant).order_by("-created_at")
        return map(_to_session, made.iterator())

    def payment(self, payment_id: str) -> Payment:
        """Return captured money as it is now. Raises ProviderHasNone when there is none."""
        stored = SandboxSession.objects.filter(payment_id=payment_id).exclude(payment_id="").first()
        if stored is None:
            raise ProviderNotFound(f"no such payment: {payment_id}")
        return Payment(payment_id, stored.amount, stored.refunded, stored.currency, key=stored.key)

    def refund(self, payment_id: str, amount: int, key: str) -> str:
        """Pay ``amount`` back once, whatever the number of calls; return the refund's id."""
        with transaction.atomic():
            paid = SandboxSession.objects.select_for_update().exclude(payment_id="")
            stored = paid.filter(payment_id=payment_id).first()
            if stored is None or amount > stored.amount:
                raise ProviderRefused(f"nothing to pay back: {payment_id}")
            # A payment here is paid back whole, so that paying back twice is the same as once.
            stored.refunded = amount
            stored.save(update_fields=["refunded"])
        return f"refund_{payment_id}"

    def events_since(self, instant: dt.datetime) -> Iterator[Event]:
        """Yield nothing: the sandbox tells what happens where it happens."""
        return iter(())

    def read_event(self, body: bytes, signature: str) -> Event:
        """Refuse: nobody sends messages for the sandbox. Raises BadEvent."""
        raise InvalidEvent


def pay(session_id: str, *, even_late: bool = False) -> bool:
    """Take the buyer's pretended money; return whether the session took it.

    ``even_late`` also pays a session that is closed, which real providers do
    when the money was on its way.
    """
    takes = [CheckoutState.OPEN, CheckoutState.EXPIRED] if even_late else [CheckoutState.OPEN]
    paid = SandboxSession.objects.filter(pk=session_id, state__in=takes).update(
        state=CheckoutState.PAID, payment_id=f"pay_{secrets.token_urlsafe(18)}"
    )
    return bool(paid)


def _get_stored_session(session_id: str) -> SandboxSession:
    stored = SandboxSession.objects.filter(pk=session_id).first()
    if stored is None:
        raise ProviderNotFound(f"no such session: {session_id}")
    if stored.state == CheckoutState.OPEN and stored.expires_at <= timezone.now():
        SandboxSession.objects.filter(pk=session_id, state=CheckoutState.OPEN).update(
            state=CheckoutState.EXPIRED
        )
        stored.refresh_from_db()
    return stored


def _to_session(stored: SandboxSession) -> Session:
    return Session(
        id=stored.session_id,
        key=stored.key,
        reference=stored.reference,
        state=SessionState(stored.state),
        amount=stored.amount,
        currency=stored.currency,
        url=settings.SITE_URL + reverse("timeline:sandbox", args=[stored.session_id]),
        payment_id=stored.payment_id,
    )
