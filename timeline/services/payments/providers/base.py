"""What a payment provider is to us: a handful of calls, and words for what they answer.

Each provider is a folder of this package with the same files: ``provider.py``
holds a ``Provider``; ``urls.py``, where it serves pages of its own, its routes.
Calls of a provider go over a network: never inside of a database transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class ProviderError(Exception):
    """Base of what can go wrong between us and a provider."""


class ProviderUnavailable(ProviderError):
    """No answer in time, or one that says "later". It may have done the work: ask again, same key."""


class ProviderFailed(ProviderError):
    """The provider answered an error that it keeps under the key: a new attempt needs a new key."""


class ProviderRefused(ProviderError):
    """The provider understood and will not: the request can never succeed as it is."""


class ProviderNotFound(ProviderRefused):
    """The provider knows no object of this id."""


class InvalidEvent(ProviderError):
    """A message that the provider did not sign, or signed too long ago."""


class SessionState(Enum):
    """What a checkout session has come to."""

    OPEN = "open"
    PENDING = "pending"  # the buyer is done, the money is on its way
    PAID = "paid"  # also where nothing was to be paid
    EXPIRED = "expired"
    FAILED = "failed"  # the buyer was done, but the money did not come


@dataclass(frozen=True)
class SessionRequest:
    """What a checkout session is asked for with. The same key always asks with the same content."""

    key: str  # idempotency key, also kept with the session as its name on our side
    reference: str  # the order's public id
    description: str
    lines: tuple[tuple[str, int], ...]  # name and amount in minor units
    amount: int  # their sum
    currency: str
    email: str
    expires_at: dt.datetime
    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class Session:
    """A checkout session as the provider has it now."""

    id: str
    key: str  # of the request that made it; "" when it carries none of ours
    reference: str
    state: SessionState
    amount: int
    currency: str
    url: str = ""
    payment_id: str = ""
    live: bool = False


class Dispute(Enum):
    """What the buyer's bank says of a payment."""

    NONE = "none"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Payment:
    """Captured money as the provider has it now; amounts in minor units."""

    id: str
    captured: int
    refunded: int
    currency: str
    dispute: Dispute = Dispute.NONE
    key: str = ""  # of the request that its session was made by


@dataclass(frozen=True)
class Event:
    """A verified message: what it is about, never what it claims."""

    id: str
    kind: str
    session_id: str = ""
    payment_id: str = ""
    live: bool = False
    known: bool = True  # whether the kind says anything to us
    sent_at: dt.datetime | None = field(default=None, compare=False)  # by the provider's clock


class Provider(Protocol):
    """A payment provider. Every call raises ProviderUnavailable when no answer came in time."""

    name: str
    # Whether its money is real: its messages of the other mode are not for us.
    live: bool
    # How long a session stays open; the provider's own shortest time counts.
    session_length: dt.timedelta

    def create_session(self, request: SessionRequest) -> Session:
        """Open a session, or return the one that this key has opened before.

        Raises ProviderFailed when the answer under this key is an error that
        stays, ProviderRefused when the request can never succeed.
        """

    def session(self, session_id: str) -> Session:
        """Return a session as it is now. Raises ProviderHasNone when there is none."""

    def expire_session(self, session_id: str) -> Session:
        """Close a session if it is still open, and return what it is then: perhaps paid."""

    def sessions_since(self, instant: dt.datetime) -> Iterator[Session]:
        """Yield all sessions made since ``instant``, newest first."""

    def payment(self, payment_id: str) -> Payment:
        """Return captured money as it is now. Raises ProviderHasNone when there is none."""

    def refund(self, payment_id: str, amount: int, key: str) -> str:
        """Pay ``amount`` back once, whatever the number of calls; return the refund's id.

        Raises ProviderRefused when it cannot be paid back: perhaps it was, by somebody else.
        """

    def events_since(self, instant: dt.datetime) -> Iterator[Event]:
        """Yield the messages since ``instant`` that mean something to us, newest first, as far as kept."""

    def read_event(self, body: bytes, signature: str) -> Event:
        """Verify a message and return what it is about. Raises BadEvent."""
