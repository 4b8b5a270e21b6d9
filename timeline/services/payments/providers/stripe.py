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
    Dispute,
    Event,
    InvalidEvent,
    Payment,
    ProviderError,
    ProviderFailed,
    ProviderNotFound,
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
MAX_RETRIES = 2  # by the library, with the same idempotency key
PAGE_SIZE = 100
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

_INCOMPLETE_STATES = {"open": SessionState.OPEN, "expired": SessionState.EXPIRED}
# A payment in one of these waits for a buyer who is gone: its money will not come.
_FAILED_INTENT_STATUSES = ("requires_payment_method", "canceled")
_DISPUTE_STATES = {
    "won": Dispute.WON,
    "warning_closed": Dispute.WON,  # the bank has asked, and left it at that
    "lost": Dispute.LOST,
    "prevented": Dispute.NONE,  # the money was paid back instead
}
_DISPUTES_BY_GRAVITY = (Dispute.LOST, Dispute.OPEN, Dispute.WON)

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
            max_network_retries=MAX_RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        )

    def create_session(self, request: SessionRequest) -> Session:
        """Open a session, or return the one that this key has opened before."""
        with _translate_errors():
            return _to_session(
                self._client.v1.checkout.sessions.create(
                    _build_session_params(request), {"idempotency_key": request.key}
                )
            )

    def session(self, session_id: str) -> Session:
        """Return a session as it is now. Raises ProviderHasNone when there is none."""
        with _translate_errors():
            return _to_session(
                self._client.v1.checkout.sessions.retrieve(
                    session_id, {"expand": ["payment_intent"]}
                )
            )

    def expire_session(self, session_id: str) -> Session:
        """Close a session if it is still open, and return what it is then: perhaps paid."""
        try:
            with _translate_errors():
                return _to_session(
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
        with _translate_errors():
            made = self._client.v1.checkout.sessions.list(
                {
                    "created": {"gte": int(instant.timestamp())},
                    "limit": PAGE_SIZE,
                    "expand": ["data.payment_intent"],
                }
            )
            yield from map(_to_session, made.auto_paging_iter())

    def payment(self, payment_id: str) -> Payment:
        """Return captured money as it is now. Raises ProviderHasNone when there is none."""
        with _translate_errors():
            intent = self._client.v1.payment_intents.retrieve(
                payment_id, {"expand": ["latest_charge"]}
            )
            disputes = self._client.v1.disputes.list(
                {"payment_intent": payment_id, "limit": PAGE_SIZE}
            )
        charge = intent.latest_charge
        return Payment(
            id=intent.id,
            captured=intent.amount_received,
            refunded=charge.amount_refunded if isinstance(charge, stripe.Charge) else 0,
            currency=intent.currency,
            dispute=_get_gravest(disputes.data),
            key=_get_key(intent),
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
            if not _is_replayed(error):
                raise
        minute = int(time.time()) // 60
        return self._refund_made(payment_id, key) or self._refund(
            payment_id, amount, key, f"{key}-{minute}"
        )

    def _refund(self, payment_id: str, amount: int, key: str, idempotency_key: str) -> str:
        with _translate_errors():
            refund = self._client.v1.refunds.create(
                {"payment_intent": payment_id, "amount": amount, "metadata": {"key": key}},
                {"idempotency_key": idempotency_key},
            )
        if refund.status in ("failed", "canceled"):
            raise ProviderRefused(f"refund {refund.id} is {refund.status}")
        return refund.id

    def _refund_made(self, payment_id: str, key: str) -> str:
        """Return the id of the refund that carries our key, else nothing."""
        with _translate_errors():
            made = self._client.v1.refunds.list({"payment_intent": payment_id, "limit": PAGE_SIZE})
        ours = [
            one
            for one in made.data
            if _get_key(one) == key and one.status not in ("failed", "canceled")
        ]
        return ours[0].id if ours else ""

    def events_since(self, instant: dt.datetime) -> Iterator[Event]:
        """Yield the messages since ``instant`` that mean something to us; Stripe keeps 30 days."""
        with _translate_errors():
            sent = self._client.v1.events.list(
                {
                    "created": {"gte": int(instant.timestamp())},
                    "types": sorted(SESSION_KINDS | PAYMENT_KINDS),
                    "limit": PAGE_SIZE,
                }
            )
            yield from (event for event in map(_to_event, sent.auto_paging_iter()) if event.known)

    def read_event(self, body: bytes, signature: str) -> Event:
        """Verify a message and return what it is about. Raises BadEvent."""
        if not signature.isascii():  # the library cannot compare it
            raise InvalidEvent
        try:
            # Whenever it was signed: that is looked at apart, to tell a wrong clock from a forger.
            event = self._client.construct_event(body, signature, self._secret, tolerance=0)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise InvalidEvent from error
        off = _parse_signing_time(signature) - time.time()
        if abs(off) > TOLERANCE_SECONDS:
            logger.error(
                "clock: message %s of Stripe was signed %d seconds from now; is ours right?",
                event.id,
                off,
            )
            raise InvalidEvent
        return _to_event(event)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise what the library's errors mean to us."""
    try:
        yield
    except stripe.StripeError as error:
        raise _to_provider_error(error) from error


def _to_provider_error(error: stripe.StripeError) -> ProviderError:
    text = " ".join(str(error).split())
    if isinstance(error, (stripe.APIConnectionError, stripe.RateLimitError)):
        return ProviderUnavailable(text)
    if isinstance(error, stripe.APIError):
        # Of its own errors Stripe keeps 500; others say "later", or come from what stands in between.
        return ProviderFailed(text) if error.http_status == 500 else ProviderUnavailable(text)
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        logger.error("Stripe does not accept STRIPE_SECRET_KEY: %s", text)
    return ProviderNotFound(text) if error.http_status == 404 else ProviderRefused(text)


def _is_replayed(error: ProviderError) -> bool:
    """Return whether Stripe told again what it had answered to an earlier call."""
    cause = error.__cause__
    return isinstance(cause, stripe.StripeError) and bool(
        (cause.headers or {}).get("idempotent-replayed")
    )


def _build_session_params(request: SessionRequest) -> SessionCreateParams:
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


def _to_session(stored: stripe.checkout.Session) -> Session:
    intent = stored.payment_intent
    return Session(
        id=stored.id,
        key=_get_key(stored),
        reference=stored.client_reference_id or "",
        state=_get_session_state(stored),
        amount=stored.amount_total or 0,
        currency=stored.currency or "",
        url=stored.url or "",
        payment_id=(intent if isinstance(intent, str) else intent.id) if intent else "",
        live=stored.livemode,
    )


def _get_session_state(stored: stripe.checkout.Session) -> SessionState:
    if stored.status in _INCOMPLETE_STATES:
        return _INCOMPLETE_STATES[stored.status]
    if stored.payment_status != "unpaid":
        return SessionState.PAID
    intent = stored.payment_intent
    if isinstance(intent, stripe.PaymentIntent) and intent.status in _FAILED_INTENT_STATUSES:
        return SessionState.FAILED
    return SessionState.PENDING


def _get_key(stored: stripe.checkout.Session | stripe.PaymentIntent | stripe.Refund) -> str:
    """Return the key of ours that an object carries; of another program's objects, nothing."""
    return str(stored.metadata.to_dict().get("key", "")) if stored.metadata else ""


def _get_gravest(disputes: list[stripe.Dispute]) -> Dispute:
    found = {_DISPUTE_STATES.get(dispute.status, Dispute.OPEN) for dispute in disputes}
    return next((dispute for dispute in _DISPUTES_BY_GRAVITY if dispute in found), Dispute.NONE)


def _to_event(event: stripe.Event) -> Event:
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


def _parse_signing_time(signature: str) -> int:
    """Return the time in a signature that was verified: the first, as the library reads it."""
    first = next(item for item in signature.split(",") if item.startswith("t="))
    return int(first.split("=")[1])
