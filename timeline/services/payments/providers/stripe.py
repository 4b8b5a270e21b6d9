"""Stripe: people pay on Stripe's own pages (Checkout). We call its API with Stripe's library."""

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

# The API version that we parse, whatever the default of the account or of the library is.
STRIPE_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 8.0
MAX_RETRIES = 2  # the library retries with the same idempotency key
PAGE_SIZE = 100
# How far the signing time of an event may be from our clock, in either direction.
TOLERANCE_SECONDS = 300

SESSION_KINDS = frozenset(
    f"checkout.session.{event}"
    for event in ("completed", "async_payment_succeeded", "async_payment_failed", "expired")
)
PAYMENT_KINDS = frozenset({"charge.refunded", "refund.updated", "refund.failed"}) | {
    f"charge.dispute.{event}"
    for event in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
}

_INCOMPLETE_STATES = {"open": SessionState.OPEN, "expired": SessionState.EXPIRED}
# In these states the payment waits for a buyer who has left: the money will not arrive.
_FAILED_INTENT_STATUSES = ("requires_payment_method", "canceled")
_FAILED_REFUND_STATUSES = ("failed", "canceled")
_DISPUTE_STATES = {
    "won": Dispute.WON,
    "warning_closed": Dispute.WON,  # the bank inquired and did not open a dispute
    "lost": Dispute.LOST,
    "prevented": Dispute.NONE,  # the payment was refunded instead
}
_DISPUTES_WORST_FIRST = (Dispute.LOST, Dispute.OPEN, Dispute.WON)

# Telemetry would report about the machine and write a file into the home directory.
stripe.enable_telemetry = False


class StripeProvider:
    """A ``Provider`` for the Stripe account of ``STRIPE_SECRET_KEY``."""

    name = "stripe"
    # Stripe's minimum is 30 minutes from when it receives the request. The extra minute covers retries.
    session_length = dt.timedelta(minutes=31)

    def __init__(self) -> None:
        key = settings.STRIPE_SECRET_KEY
        self.is_live = not key.startswith(("sk_test_", "rk_test_"))
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
        """Create a session, or return the one that was created earlier with this key."""
        with _translate_errors():
            return _to_session(
                self._client.v1.checkout.sessions.create(
                    _build_session_params(request), {"idempotency_key": request.key}
                )
            )

    def get_session(self, session_id: str) -> Session:
        """Return the current state of a session. Raises ProviderNotFound."""
        with _translate_errors():
            return _to_session(
                self._client.v1.checkout.sessions.retrieve(
                    session_id, {"expand": ["payment_intent"]}
                )
            )

    def expire_session(self, session_id: str) -> Session:
        """Expire a session if it is still open. Return its state after that, which may be paid."""
        try:
            with _translate_errors():
                return _to_session(
                    self._client.v1.checkout.sessions.expire(
                        session_id, {"expand": ["payment_intent"]}
                    )
                )
        except ProviderRefused:
            session = self.get_session(session_id)
            if session.state is SessionState.OPEN:
                raise
            return session

    def list_sessions(self, since: dt.datetime) -> Iterator[Session]:
        """Yield all sessions created since then, newest first."""
        with _translate_errors():
            sessions = self._client.v1.checkout.sessions.list(
                {
                    "created": {"gte": int(since.timestamp())},
                    "limit": PAGE_SIZE,
                    "expand": ["data.payment_intent"],
                }
            )
            yield from map(_to_session, sessions.auto_paging_iter())

    def get_payment(self, payment_id: str) -> Payment:
        """Return the current state of a captured payment. Raises ProviderNotFound."""
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
            dispute=_get_worst_dispute(disputes.data),
            key=_get_key(intent),
        )

    def refund(self, payment_id: str, amount: int, key: str) -> str:
        """Refund ``amount`` once, however often it is called with this key. Return the refund's id.

        Stripe stores an error under its idempotency key for a day. If it replays
        such an error, we check whether the refund was made all the same. If it was
        not, we request it with another idempotency key, a new one every minute.
        """
        try:
            return self._create_refund(payment_id, amount, key, key)
        except (ProviderFailed, ProviderRefused) as error:
            if not _is_replayed(error):
                raise
        minute = int(time.time()) // 60
        return self._find_refund(payment_id, key) or self._create_refund(
            payment_id, amount, key, f"{key}-{minute}"
        )

    def _create_refund(self, payment_id: str, amount: int, key: str, idempotency_key: str) -> str:
        with _translate_errors():
            refund = self._client.v1.refunds.create(
                {"payment_intent": payment_id, "amount": amount, "metadata": {"key": key}},
                {"idempotency_key": idempotency_key},
            )
        if refund.status in _FAILED_REFUND_STATUSES:
            raise ProviderRefused(f"refund {refund.id} is {refund.status}")
        return refund.id

    def _find_refund(self, payment_id: str, key: str) -> str:
        """Return the id of the refund that has our key in its metadata, or an empty string."""
        with _translate_errors():
            refunds = self._client.v1.refunds.list(
                {"payment_intent": payment_id, "limit": PAGE_SIZE}
            )
        return next(
            (
                refund.id
                for refund in refunds.data
                if _get_key(refund) == key and refund.status not in _FAILED_REFUND_STATUSES
            ),
            "",
        )

    def list_events(self, since: dt.datetime) -> Iterator[Event]:
        """Yield the relevant events since then, newest first. Stripe stores 30 days."""
        with _translate_errors():
            events = self._client.v1.events.list(
                {
                    "created": {"gte": int(since.timestamp())},
                    "types": sorted(SESSION_KINDS | PAYMENT_KINDS),
                    "limit": PAGE_SIZE,
                }
            )
            yield from (
                event for event in map(_to_event, events.auto_paging_iter()) if event.is_relevant
            )

    def verify_event(self, body: bytes, signature: str) -> Event:
        """Check the signature of a webhook body and return its event. Raises InvalidEvent."""
        if not signature.isascii():  # the library cannot compare such a signature
            raise InvalidEvent
        try:
            # Accept any signing time here. It is checked below, to tell a wrong clock from a forgery.
            event = self._client.construct_event(body, signature, self._secret, tolerance=0)
        except (stripe.SignatureVerificationError, ValueError) as error:
            raise InvalidEvent from error
        offset = _parse_signing_time(signature) - time.time()
        if abs(offset) > TOLERANCE_SECONDS:
            logger.error(
                "clock: message %s of Stripe was signed %d seconds from now; is ours right?",
                event.id,
                offset,
            )
            raise InvalidEvent
        return _to_event(event)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate the library's errors to ours."""
    try:
        yield
    except stripe.StripeError as error:
        raise _to_provider_error(error) from error


def _to_provider_error(error: stripe.StripeError) -> ProviderError:
    text = " ".join(str(error).split())
    if isinstance(error, (stripe.APIConnectionError, stripe.RateLimitError)):
        return ProviderUnavailable(text)
    if isinstance(error, stripe.APIError):
        # Stripe stores a 500 under the key. Other errors mean "later", or come from a proxy in between.
        return ProviderFailed(text) if error.http_status == 500 else ProviderUnavailable(text)
    if isinstance(error, (stripe.AuthenticationError, stripe.PermissionError)):
        logger.error("Stripe does not accept STRIPE_SECRET_KEY: %s", text)
    return ProviderNotFound(text) if error.http_status == 404 else ProviderRefused(text)


def _is_replayed(error: ProviderError) -> bool:
    """Return whether Stripe replayed the response to an earlier call with the same key."""
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
        is_live=stored.livemode,
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
    """Return our key in the metadata of an object; an empty string if another program created it."""
    return str(stored.metadata.to_dict().get("key", "")) if stored.metadata else ""


def _get_worst_dispute(disputes: list[stripe.Dispute]) -> Dispute:
    found = {_DISPUTE_STATES.get(dispute.status, Dispute.OPEN) for dispute in disputes}
    return next((dispute for dispute in _DISPUTES_WORST_FIRST if dispute in found), Dispute.NONE)


def _to_event(event: stripe.Event) -> Event:
    content = event.to_dict()
    changed = content["data"]["object"]
    kind = event.type
    session_id = changed["id"] if kind in SESSION_KINDS else ""
    payment_id = (changed.get("payment_intent") or "") if kind in PAYMENT_KINDS else ""
    return Event(
        id=event.id,
        kind=kind,
        session_id=session_id,
        payment_id=payment_id,
        is_live=event.livemode,
        # An event with an account belongs to a connected account, so it is not about our money.
        is_relevant=bool(session_id or payment_id) and not content.get("account"),
        sent_at=dt.datetime.fromtimestamp(event.created, dt.UTC),
    )


def _parse_signing_time(signature: str) -> int:
    """Return the signing time of a verified signature: the first ``t=``, as the library reads it."""
    first = next(item for item in signature.split(",") if item.startswith("t="))
    return int(first.split("=")[1])
