"""The state of the double: its objects, and what buyers, banks and the dashboard do with them."""

from __future__ import annotations

import copy
import secrets
import threading
import time
from typing import Any

StripeObject = dict[str, Any]

# The statuses of a dispute in which the bank has the money.
CHARGED_BACK = ("needs_response", "under_review", "lost")


class ApiError(Exception):
    """An error response. It is ``stored`` under the idempotency key if work had begun."""

    def __init__(
        self, status: int, message: str, *, code: str = "", stored: bool = False, param=""
    ):
        super().__init__(message)
        self.status, self.stored = status, stored
        kinds = {401: "invalid_request_error", 409: "idempotency_error", 500: "api_error"}
        kind = kinds.get(status, "api_error" if status > 500 else "invalid_request_error")
        error = {"type": kind, "message": message, "code": code, "param": param}
        self.error = {name: value for name, value in error.items() if value}


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


class Account:
    """One Stripe account: its objects by kind and id, in the order of their creation."""

    def __init__(self, *, live: bool = False, url: str = "") -> None:
        self.live, self.url = live, url
        self.lock = threading.RLock()
        self.clock = 0.0
        self.events: list[StripeObject] = []
        self.forgotten = 0  # so many of the oldest are no longer listed
        self.refunds_refused, self.refusals_stored = 0, False
        self.refund_status = "succeeded"  # the status of new refunds; may also be pending or failed
        self.objects: dict[str, dict[str, StripeObject]] = {
            kind: {} for kind in ("session", "intent", "charge", "refund", "dispute")
        }

    def now(self) -> int:
        return int(time.time() + self.clock)

    def set_clock(self, seconds: float) -> None:
        """Set Stripe's clock so many seconds ahead of ours."""
        with self.lock:
            self.clock = seconds
            self.tick()

    def tick(self) -> None:
        """Expire the sessions whose time is over."""
        for session in self.objects["session"].values():
            if session["status"] == "open" and session["expires_at"] <= self.now():
                self._expire(session)

    def create(self, kind: str, prefix: str, object_name: str, **fields: Any) -> StripeObject:
        obj = {
            "id": new_id(prefix),
            "object": object_name,
            "created": self.now(),
            "livemode": self.live,
        } | fields
        self.objects[kind][obj["id"]] = obj
        return obj

    def get(self, kind: str, object_id: str) -> StripeObject:
        try:
            return self.objects[kind][object_id]
        except KeyError:
            raise ApiError(404, f"No such {kind}: '{object_id}'", code="resource_missing") from None

    def find_session(self, key: str) -> str:
        """Return the id of the one session created with this idempotency key."""
        [session] = [one for one in self.sessions() if one["metadata"].get("key") == key]
        return str(session["id"])

    def add_event(self, kind: str, obj: StripeObject) -> None:
        """Record an event about an object."""
        self.events.append(
            {
                "id": new_id("evt"),
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": self.now(),
                "data": {"object": copy.deepcopy(obj)},
                "livemode": obj["livemode"],
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "type": kind,
            }
        )

    # The buyer

    def pay(self, session: str) -> StripeObject:
        """Pay with a method whose money arrives at once."""
        with self.lock:
            stored = self._get_open(session)
            self._complete(stored, "succeeded")
            self.add_event("checkout.session.completed", stored)
            return copy.deepcopy(stored)

    def pay_async(self, session: str) -> StripeObject:
        """Complete the session with a method whose money arrives days later."""
        with self.lock:
            stored = self._get_open(session)
            self._complete(stored, "processing")
            self.add_event("checkout.session.completed", stored)
            return copy.deepcopy(stored)

    def succeed_async(self, session: str) -> StripeObject:
        """Let the money of ``pay_async`` arrive."""
        with self.lock:
            stored = self.get("session", session)
            self._capture(stored)
            self.add_event("checkout.session.async_payment_succeeded", stored)
            return copy.deepcopy(stored)

    def fail_async(self, session: str) -> StripeObject:
        """Let the money of ``pay_async`` never arrive."""
        with self.lock:
            stored = self.get("session", session)
            self.get("intent", stored["payment_intent"])["status"] = "requires_payment_method"
            self.add_event("checkout.session.async_payment_failed", stored)
            return copy.deepcopy(stored)

    def expire(self, session: str) -> StripeObject:
        """Expire an open session, as its time or a call of ours does."""
        with self.lock:
            self.tick()
            stored = self.get("session", session)
            if stored["status"] != "open":
                raise ApiError(
                    400,
                    'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
                    f" Session has a status of `{stored['status']}`.",
                )
            self._expire(stored)
            return copy.deepcopy(stored)

    def change_session(
        self, session: str, amount: int | None = None, currency: str | None = None
    ) -> StripeObject:
        """Change the amount or the currency of an open session."""
        with self.lock:
            stored = self._get_open(session)
            if amount is not None:
                stored["amount_total"] = stored["amount_subtotal"] = amount
            stored["currency"] = currency or stored["currency"]
            return copy.deepcopy(stored)

    def _get_open(self, session: str) -> StripeObject:
        self.tick()
        stored = self.get("session", session)
        if stored["status"] != "open":
            raise ApiError(400, f"This session is {stored['status']}.")
        return stored

    def _expire(self, session: StripeObject) -> None:
        session |= {"status": "expired", "url": None}
        self.add_event("checkout.session.expired", session)

    def _complete(self, session: StripeObject, status: str) -> None:
        session |= {"status": "complete", "url": None}
        if not session["amount_total"]:
            session["payment_status"] = "no_payment_required"
            return
        intent = self.create(
            "intent",
            "pi",
            "payment_intent",
            amount=session["amount_total"],
            amount_received=0,
            currency=session["currency"],
            status=status,
            metadata=dict(session["_payment"].get("metadata", {})),
            description=session["_payment"].get("description"),
            latest_charge=None,
        )
        session["payment_intent"] = intent["id"]
        if status == "succeeded":
            self._capture(session)

    def _capture(self, session: StripeObject) -> None:
        intent = self.get("intent", session["payment_intent"])
        charge = self.create(
            "charge",
            "ch",
            "charge",
            amount=intent["amount"],
            amount_captured=intent["amount"],
            amount_refunded=0,
            captured=True,
            currency=intent["currency"],
            disputed=False,
            metadata=dict(intent["metadata"]),
            paid=True,
            payment_intent=intent["id"],
            refunded=False,
            status="succeeded",
        )
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
        }
        session["payment_status"] = "paid"

    # Refunds

    def refund(
        self, payment: str, amount: int | None = None, metadata: dict[str, str] | None = None
    ) -> StripeObject:
        """Refund an amount, or all that is left, as the dashboard does."""
        with self.lock:
            charge = self._get_charge(payment)
            left = charge["amount_captured"] - charge["amount_refunded"]
            amount = left if amount is None else amount
            if any(one["status"] in CHARGED_BACK for one in self._list_disputes(payment)):
                raise ApiError(400, "It was charged back.", code="charge_disputed", stored=True)
            if not 0 < amount <= left:
                message = f"Refund amount ({amount}) is greater than unrefunded amount ({left})"
                raise ApiError(400, message, code="charge_already_refunded", stored=True)
            if self.refunds_refused:
                self.refunds_refused -= 1
                message = "Insufficient funds in your account."
                stored = self.refusals_stored
                raise ApiError(400, message, code="balance_insufficient", stored=stored)
            return self._create_refund(charge, amount, metadata or {})

    def _create_refund(
        self, charge: StripeObject, amount: int, metadata: dict[str, str]
    ) -> StripeObject:
        refund = self.create(
            "refund",
            "re",
            "refund",
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            metadata=metadata,
            payment_intent=charge["payment_intent"],
            status=self.refund_status,
        )
        if self.refund_status == "failed":
            self.add_event("refund.failed", refund)
            return copy.deepcopy(refund)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        self.add_event("refund.created", refund)
        self.add_event("charge.refunded", charge)
        return copy.deepcopy(refund)

    def fail_refund(self, refund: str) -> StripeObject:
        """Let the buyer's bank return a refund."""
        with self.lock:
            stored = self.get("refund", refund)
            charge = self.get("charge", stored["charge"])
            stored["status"] = "failed"
            charge["amount_refunded"] -= stored["amount"]
            charge["refunded"] = False
            self.add_event("refund.failed", stored)
            return copy.deepcopy(stored)

    # The buyer's bank

    def open_dispute(self, payment: str, status: str = "needs_response") -> StripeObject:
        """Let the buyer's bank open a dispute, or only an inquiry (``warning_…``)."""
        with self.lock:
            charge = self._get_charge(payment)
            dispute = self.create(
                "dispute",
                "du",
                "dispute",
                amount=charge["amount"],
                charge=charge["id"],
                currency=charge["currency"],
                payment_intent=payment,
                reason="fraudulent",
                status=status,
            )
            charge["disputed"] = True
            self.add_event("charge.dispute.created", dispute)
            return copy.deepcopy(dispute)

    def win_dispute(self, dispute: str) -> StripeObject:
        """Let the bank decide for us."""
        return self.close_dispute(dispute, "won")

    def lose_dispute(self, dispute: str) -> StripeObject:
        """Let the bank decide for the buyer."""
        return self.close_dispute(dispute, "lost")

    def close_dispute(self, dispute: str, status: str) -> StripeObject:
        """Close a dispute as ``won``, ``lost``, ``warning_closed`` or ``prevented``."""
        with self.lock:
            stored = self.get("dispute", dispute)
            stored["status"] = status
            if status == "won":
                self.add_event("charge.dispute.funds_reinstated", stored)
            self.add_event("charge.dispute.closed", stored)
            return copy.deepcopy(stored)

    # Queries

    def sessions(self) -> list[StripeObject]:
        """Return all sessions, oldest first."""
        with self.lock:
            self.tick()
            return copy.deepcopy(list(self.objects["session"].values()))

    def open_sessions(self) -> list[StripeObject]:
        """Return the sessions that a buyer can pay now."""
        return [session for session in self.sessions() if session["status"] == "open"]

    def captured(self, payment: str) -> int:
        """Return the captured amount of a payment."""
        with self.lock:
            return int(self.get("intent", payment)["amount_received"])

    def refunded(self, payment: str) -> int:
        """Return the refunded amount of a payment."""
        with self.lock:
            charge = self.get("intent", payment)["latest_charge"]
            return int(self.get("charge", charge)["amount_refunded"]) if charge else 0

    def totals(self) -> dict[str, int]:
        """Return the captured and the refunded amount of all payments together."""
        with self.lock:
            charges = self.objects["charge"].values()
            return {
                "captured": sum(charge["amount_captured"] for charge in charges),
                "refunded": sum(charge["amount_refunded"] for charge in charges),
            }

    def events_of(self, *kinds: str) -> list[StripeObject]:
        """Return the events of these kinds, or all events, oldest first."""
        with self.lock:
            return [event for event in self.events if not kinds or event["type"] in kinds]

    def forget_events(self) -> None:
        """Let all events so far be too old to be listed."""
        with self.lock:
            self.forgotten = len(self.events)

    def refuse_refunds(self, times: int = 1, *, stored: bool = False) -> None:
        """Refuse the next refunds: the account has no money. ``stored`` under the key, or not."""
        with self.lock:
            self.refunds_refused, self.refusals_stored = times, stored

    def _list_disputes(self, payment: str) -> list[StripeObject]:
        disputes = self.objects["dispute"].values()
        return [dispute for dispute in disputes if dispute["payment_intent"] == payment]

    def _get_charge(self, payment: str) -> StripeObject:
        charge = self.get("intent", payment)["latest_charge"]
        if not charge:
            message = f"This PaymentIntent ({payment}) does not have a successful charge to refund."
            raise ApiError(400, message)
        return self.get("charge", charge)
