"""The interface of a payment provider: its calls, and the types that they return.

Each provider is one module of this package, listed in ``_PROVIDER_CLASSES``. Its
pages and its webhook, if it has any, are in ``timeline/views/payments/``.
Provider calls go over the network, so never make one inside a database transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class ProviderError(Exception):
    """Base class of all errors that a provider call can raise."""


class ProviderUnavailable(ProviderError):
    """No answer in time, or an answer that says "later".

    The provider may have done the work all the same: retry with the same key.
    """


class ProviderFailed(ProviderError):
    """The provider returned an error and stores it under the key: a new attempt needs a new key."""


class ProviderRefused(ProviderError):
    """The provider rejected the request. As it is, it can never succeed."""


class ProviderNotFound(ProviderRefused):
    """The provider has no object with this id."""


class InvalidEvent(ProviderError):
    """A webhook body that the provider did not sign, or signed too long ago."""


class SessionState(Enum):
    """The state of a checkout session."""

    OPEN = "open"
    PENDING = "pending"  # the buyer has finished, the money is on its way
    PAID = "paid"  # also if there was nothing to pay
    EXPIRED = "expired"
    FAILED = "failed"  # the buyer had finished, but the money did not arrive


@dataclass(frozen=True)
class SessionRequest:
    """What a checkout session is created from. The same key must always come with the same content."""

    key: str  # the idempotency key; the provider also stores it with the session
    reference: str  # the order's public id
    description: str
    lines: tuple[tuple[str, int], ...]  # name and amount in minor units
    amount: int  # the sum of the lines
    currency: str
    email: str
    expires_at: dt.datetime
    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class Session:
    """A checkout session, as the provider returned it."""

    id: str
    key: str  # the key of the request that created it; "" if it has none of ours
    reference: str
    state: SessionState
    amount: int
    currency: str
    url: str = ""
    payment_id: str = ""
    is_live: bool = False


class Dispute(Enum):
    """The state of a payment's dispute at the buyer's bank."""

    NONE = "none"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Payment:
    """A captured payment, as the provider returned it. Amounts are in minor units."""

    id: str
    captured: int
    refunded: int
    currency: str
    dispute: Dispute = Dispute.NONE
    key: str = ""  # the key of the request that created its session


@dataclass(frozen=True)
class Event:
    """A verified webhook event: which object it is about. Its claims about that object are not used."""

    id: str
    kind: str
    session_id: str = ""
    payment_id: str = ""
    is_live: bool = False
    is_relevant: bool = True  # whether we use events of this kind
    sent_at: dt.datetime | None = field(default=None, compare=False)  # by the provider's clock


class Provider(Protocol):
    """A payment provider. Every call raises ProviderUnavailable if no answer came in time."""

    name: str
    # Whether its money is real. Events of the other mode are ignored.
    is_live: bool
    # How long a session stays open. It cannot be shorter than the provider's minimum.
    session_length: dt.timedelta

    def create_session(self, request: SessionRequest) -> Session:
        """Create a session, or return the one that was created earlier with this key.

        Raises ProviderFailed if the provider stores an error under this key, and
        ProviderRefused if the request can never succeed.
        """

    def get_session(self, session_id: str) -> Session:
        """Return the current state of a session. Raises ProviderNotFound."""

    def expire_session(self, session_id: str) -> Session:
        """Expire a session if it is still open. Return its state after that, which may be paid."""

    def list_sessions(self, since: dt.datetime) -> Iterator[Session]:
        """Yield all sessions created since then, newest first."""

    def get_payment(self, payment_id: str) -> Payment:
        """Return the current state of a captured payment. Raises ProviderNotFound."""

    def refund(self, payment_id: str, amount: int, key: str) -> str:
        """Refund ``amount`` once, however often it is called with this key. Return the refund's id.

        Raises ProviderRefused if it cannot be refunded, for instance because
        somebody else has refunded it already.
        """

    def list_events(self, since: dt.datetime) -> Iterator[Event]:
        """Yield the relevant events since then, newest first, as far back as the provider stores them."""

    def verify_event(self, body: bytes, signature: str) -> Event:
        """Check the signature of a webhook body and return its event. Raises InvalidEvent."""
