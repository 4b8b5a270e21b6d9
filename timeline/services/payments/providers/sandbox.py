"""The sandbox: a payment provider for development that takes no real money.

Its sessions are in the table ``sandbox_sessions``, which stands for the database
of another company: only this module and the sandbox's views use it. The sandbox
never runs in production.
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
    """A ``Provider`` whose buyers pay by pressing a button."""

    name = "sandbox"
    is_live = False
    session_length = dt.timedelta(minutes=30)

    def create_session(self, request: SessionRequest) -> Session:
        """Create a session, or return the one that was created earlier with this key."""
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

    def get_session(self, session_id: str) -> Session:
        """Return the current state of a session. Raises ProviderNotFound."""
        return _to_session(_get_stored_session(session_id))

    def expire_session(self, session_id: str) -> Session:
        """Expire a session if it is still open. Return its state after that."""
        _get_stored_session(session_id)
        SandboxSession.objects.filter(pk=session_id, state=CheckoutState.OPEN).update(
            state=CheckoutState.EXPIRED
        )
        return self.get_session(session_id)

    def list_sessions(self, since: dt.datetime) -> Iterator[Session]:
        """Yield all sessions created since then, newest first."""
        sessions = SandboxSession.objects.filter(created_at__gte=since).order_by("-created_at")
        return map(_to_session, sessions.iterator())

    def get_payment(self, payment_id: str) -> Payment:
        """Return the current state of a captured payment. Raises ProviderNotFound."""
        stored = SandboxSession.objects.filter(payment_id=payment_id).exclude(payment_id="").first()
        if stored is None:
            raise ProviderNotFound(f"no such payment: {payment_id}")
        return Payment(payment_id, stored.amount, stored.refunded, stored.currency, key=stored.key)

    def refund(self, payment_id: str, amount: int, key: str) -> str:
        """Refund ``amount``. Return the refund's id."""
        with transaction.atomic():
            paid = SandboxSession.objects.select_for_update().exclude(payment_id="")
            stored = paid.filter(payment_id=payment_id).first()
            if stored is None or amount > stored.amount:
                raise ProviderRefused(f"nothing to pay back: {payment_id}")
            # We only ever refund a whole payment, so refunding it twice is the same as once.
            stored.refunded = amount
            stored.save(update_fields=["refunded"])
        return f"refund_{payment_id}"

    def list_events(self, since: dt.datetime) -> Iterator[Event]:
        """Yield nothing: the sandbox delivers each event at once, in the same process."""
        return iter(())

    def verify_event(self, body: bytes, signature: str) -> Event:
        """Raise InvalidEvent: the sandbox sends no webhooks."""
        raise InvalidEvent


def pay(session_id: str, *, allow_expired: bool = False) -> bool:
    """Mark a session as paid. Return whether it was still payable.

    ``allow_expired`` also pays an expired session. Real providers do that when the
    money was on its way before the session expired.
    """
    payable = [CheckoutState.OPEN, CheckoutState.EXPIRED] if allow_expired else [CheckoutState.OPEN]
    paid = SandboxSession.objects.filter(pk=session_id, state__in=payable).update(
        state=CheckoutState.PAID, payment_id=f"pay_{secrets.token_urlsafe(18)}"
    )
    return bool(paid)


def _get_stored_session(session_id: str) -> SandboxSession:
    """Return a session, expired if its time is over. Raises ProviderNotFound."""
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
