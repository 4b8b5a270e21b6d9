"""Stripe: people pay on Stripe's own pages (Checkout); Stripe's own library speaks to it."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import stripe
from django.conf import settings

from timeline.services.payments.providers.base import (
    BadEvent,
    Dispute,
    Event,
    Payment,
    ProviderError,
    ProviderFailed,
    ProviderHasNone,
    ProviderRefused,
    ProviderUnavailable,
    Session,
    SessionRequest,
    SessionState,
)

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

logger = logging.getLogger("timeline.payments")

# What answers mean is of this version, whatever the default of the account or of the library is.
STRIPE_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 8.0
RETRIES = 2  # by the library, with the same idempotency key
PAGE = 100
# How far from ours the time may be at which a message was signed.
TOLERANCE_SECONDS = 300

SESSION_KINDS = frozenset(
    f"checkout.session.{what}"
    for what in ("completed", "async_payment_succeeded", "async_payment_failed", "expired")
)
PAYMENT_KINDS = frozenset({"charge.refunded", "refund.updated", "refund.failed"}) | {
    f"charge.dispute.{what}"
    for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
}

_NOT_COMPLETE = {"open": SessionState.OPEN, "expired": SessionState.EXPIRED}
# A payment in one of these waits for a buyer who is gone: its money will not come.
_NO_MONEY = ("requires_payment_method", "canceled")
_DISPUTES = {
    "won": Dispute.WON,
    "warning_closed": Dispute.WON,  # the bank has asked, and left it at that
    "lost": Dispute.LOST,
    "prevented": Dispute.NONE,  # the money was paid back instead
}
_GRAVEST_FIRST = (Dispute.LOST, Dispute.OPEN, Dispute.WON)

# It would tell of the machine, and write a file into the home folder.
stripe.enable_telemetry = False


class StripeProvider:
    """A ``Provider``: the account that ``STRIPE_SECRET_KEY`` belongs to."""

    name = "stripe"
    # Stripe's shortest is 30 minutes from when the request arrives, which may be repeated.
    session_length = dt.timedelta(minutes=31)

    def __init__(self) -> None:
        key = settings.STRIPE_SECRET_KEY
        self.live = not key.startswith(("sk_test_", "rk_test_"))
        self._secret = settings.STRIPE_WEBHOOK_SECRET
        address = settings.STRIPE_API_URL.rstrip("/")
        self._client = stripe.StripeClient(
            key,
            stripe_version=STRIPE_VERSION,
            base_addresses={"api": address} if address else {},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        )

    def create_session(self, request: SessionRequest) -> Session:
        """Open a session, or return the one that this key has opened before."""
        with _asking():
            return _as_session(
                self._client.v1.checkout.sessions.create(
                    _parameters(request), {"idempotency_key": request.key}
                )
            )

    def session(self, session_id: str) -> Session:
        """Return a session as it is now. Raises ProviderHasNone when there is none."""
        with _asking():
            return _as_session(
                self._client.v1.checkout.sessions.retrieve(
                    session_id, {"expand": ["payment_intent"]}
                )
            )

    def expire_session(self, session_id: str) -> Session:
        """Close a session if it is still open, and return what it is then: perhaps paid."""
        try:
            with _asking():
                return _as_session(
                    self._client.v1.checkout.sessions.expire(
                        session_id, {"expand": ["payment_intent"]}
                    )
                )
        except ProviderRefused:
            session = self.session(session_id)
            if session.state is SessionState.OPEN:
                raise
            return session

    def sessions_since(self, instant: dt.datetime) -> Iterator[Session]:
        """Yield all sessions made since ``instant``, newest first."""
        with _asking():
            made = self._client.v1.checkout.sessions.list(
                {
                    "created": {"gte": int(instant.timestamp())},
                    "limit": PAGE,
                    "expand": ["data.payment_intent"],
                }
            )
            yield from map(_as_session, made.auto_paging_iter())

    def payment(self, payment_id: str) -> Payment:
        """Return captured money as it is now. Raises ProviderHasNone when there is none."""
        with _asking():
            intent = self._client.v1.payment_intents.retrieve(
                payment_id, {"expand": ["latest_charge"]}
            )
            disputes = self._client.v1.disputes.list({"payment_intent": payment_id, "limit": PAGE})
        charge = intent.latest_charge
        return Payment(
            id=intent.id,
            captured=intent.amount_received,
            refunded=charge.amount_refunded if isinstance(charge, stripe.Charge) else 0,
            currency=intent.currency,
            dispute=_gravest(disputes.data),
            key=_key_of(intent),
        )

    def refund(self, payment_id: str, amount: int, key: str) -> str:
        """Pay ``amount`` back once, whatever the number of calls; return the refund's id.

        Stripe keeps an error under the key for a day. Told an old one, we look
        whether the refund was made all the same, and if not ask with another key,
        one a minute.
        """
        try:
            return self._refund(payment_id, amount, key, key)
        except (ProviderFailed, ProviderRefused) as error:
            if not _is_old(error):
                raise
        minute = int(time.time()) // 60
        return self._refund_made(payment_id, key) or self._refund(
            payment_id, amount, key, f"{key}-{minute}"
        )

    def _refund(self, payment_id: str, amount: int, key: str, idempotency_key: str) -> str:
        with _asking():
            refund = self._client.v1.refunds.create(
                {"payment_intent": payment_id, "amount": amount, "metadata": {"key": key}},
                {"idempotency_key": idempotency_key},
            )
        if refund.status in ("failed", "canceled"):
            raise ProviderRefused(f"refund {refund.id} is {refund.status}")
        return refund.id

    def _refund_made(self, payment_id: str, key: str) -> str:
        """Return the id of the refund that carries our key, else nothing."""
        with _asking():
            made = self._client.v1.refunds.list({"payment_intent": payment_id, "limit": PAGE})
        ours = [
            one
            for one in made.data
            if _key_of(one) == key and one.status not in ("failed", "canceled")
        ]
        return ours[0].id if ours else ""

    def events_since(self, instant: dt.datetime) -> Iterator[Event]:
        """Yield the messages since ``instant`` that mean something to us; Stripe keeps 30 days."""
        with _asking():
            sent = self._client.v1.events.list(
                {
                    "created": {"gte": int(instant.timestamp())},
                    "types": sorted(SESSION_KINDS | PAYMENT_KINDS),
                    "limit": PAGE,
                }
            )
            yield from (event for event in map(_as_event, sent.auto_paging_iter()) if event.known)

    def read_event(self, body: bytes, signature: str) -> Event:
        """Verify a message and return what it is about. Raises BadEvent."""
        if not signature.isascii():  # the library cannot compare it
            raise BadEvent
        try:
            # Whenever it was signed: that is looked at apart, to tell a wrong clock from a forger.
            event = self._client.construct_event(body, signature, self._secret, tolerance=0)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise BadEvent from error
        off = _signed_at(signature) - time.time()
        if abs(off) > TOLERANCE_SECONDS:
            logger.error(
                "clock: message %s of Stripe was signed %d seconds from now; is ours right?",
                event.id,
                off,
            )
            raise BadEvent
        return _as_event(event)


@contextmanager
def _asking() -> Iterator[None]:
    """Raise what the library's errors mean to us."""
    try:
        yield
    except stripe.StripeError as error:
        raise _meaning(error) from error


def _meaning(error: stripe.StripeError) -> ProviderError:
    text = " ".join(str(error).split())
    if isinstance(error, (stripe.APIConnectionError, stripe.RateLimitError)):
        return ProviderUnavailable(text)
    if isinstance(error, stripe.APIError):
        # Of its own errors Stripe keeps 500; others say "later", or come from what stands in between.
        return ProviderFailed(text) if error.http_status == 500 else ProviderUnavailable(text)
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        logger.error("Stripe does not accept STRIPE_SECRET_KEY: %s", text)
    return ProviderHasNone(text) if error.http_status == 404 else ProviderRefused(text)


def _is_old(error: ProviderError) -> bool:
    """Return whether Stripe told again what it had answered to an earlier call."""
    cause = error.__cause__
    return isinstance(cause, stripe.StripeError) and bool(
        (cause.headers or {}).get("idempotent-replayed")
    )


def _parameters(request: SessionRequest) -> SessionCreateParams:
    metadata = {"key": request.key, "reference": request.reference}
    return {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": request.currency,
                    "unit_amount": amount,
                    "product_data": {"name": name},
                },
                "quantity": 1,
            }
            for name, amount in request.lines
        ],
        "client_reference_id": request.reference,
        "metadata": metadata,
        "payment_intent_data": {"description": request.description, "metadata": metadata},
        "customer_email": request.email,
        "expires_at": int(request.expires_at.timestamp()),
        "success_url": _with_session_id(request.success_url),
        "cancel_url": request.cancel_url,
    }


def _with_session_id(url: str) -> str:
    if "{CHECKOUT_SESSION_ID}" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}session_id={{CHECKOUT_SESSION_ID}}"


def _as_session(stored: stripe.checkout.Session) -> Session:
    intent = stored.payment_intent
    return Session(
        id=stored.id,
        key=_key_of(stored),
        reference=stored.client_reference_id or "",
        state=_state_of(stored),
        amount=stored.amount_total or 0,
        currency=stored.currency or "",
        url=stored.url or "",
        payment_id=(intent if isinstance(intent, str) else intent.id) if intent else "",
        live=stored.livemode,
    )


def _state_of(stored: stripe.checkout.Session) -> SessionState:
    if stored.status in _NOT_COMPLETE:
        return _NOT_COMPLETE[stored.status]
    if stored.payment_status != "unpaid":
        return SessionState.PAID
    intent = stored.payment_intent
    if isinstance(intent, stripe.PaymentIntent) and intent.status in _NO_MONEY:
        return SessionState.FAILED
    return SessionState.PENDING


def _key_of(stored: stripe.checkout.Session | stripe.PaymentIntent | stripe.Refund) -> str:
    """Return the key of ours that an object carries; of another program's objects, nothing."""
    return str(stored.metadata.to_dict().get("key", "")) if stored.metadata else ""


def _gravest(disputes: list[stripe.Dispute]) -> Dispute:
    found = {_DISPUTES.get(dispute.status, Dispute.OPEN) for dispute in disputes}
    return next((dispute for dispute in _GRAVEST_FIRST if dispute in found), Dispute.NONE)


def _as_event(event: stripe.Event) -> Event:
    content = event.to_dict()
    about = content["data"]["object"]
    kind = event.type
    session_id = about["id"] if kind in SESSION_KINDS else ""
    payment_id = (about.get("payment_intent") or "") if kind in PAYMENT_KINDS else ""
    return Event(
        id=event.id,
        kind=kind,
        session_id=session_id,
        payment_id=payment_id,
        live=event.livemode,
        # One of another account, that is connected to ours, is not about our money.
        known=bool(session_id or payment_id) and not content.get("account"),
        sent_at=dt.datetime.fromtimestamp(event.created, dt.UTC),
    )


def _signed_at(signature: str) -> int:
    """Return the time in a signature that was verified: the first, as the library reads it."""
    first = next(item for item in signature.split(",") if item.startswith("t="))
    return int(first.split("=")[1])
