"""What the double of Stripe knows, and what buyers, banks and the dashboard do to it."""

from __future__ import annotations

import copy
import secrets
import threading
import time
from typing import Any

Thing = dict[str, Any]

# States of a dispute in which the bank has the money.
TAKEN_BACK = ("needs_response", "under_review", "lost")


class Refused(Exception):
    """An answer that is an error. ``kept`` under the idempotency key: the work had begun."""

    def __init__(self, status: int, message: str, *, code: str = "", kept: bool = False, param=""):
        super().__init__(message)
        self.status, self.kept = status, kept
        kinds = {401: "invalid_request_error", 409: "idempotency_error", 500: "api_error"}
        kind = kinds.get(status, "api_error" if status > 500 else "invalid_request_error")
        error = {"type": kind, "message": message, "code": code, "param": param}
        self.error = {name: value for name, value in error.items() if value}


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


class Account:
    """Objects by kind and id, in the order that they were made in."""

    def __init__(self, *, live: bool = False, url: str = "") -> None:
        self.live, self.url = live, url
        self.lock = threading.RLock()
        self.clock = 0.0
        self.events: list[Thing] = []
        self.forgotten = 0  # that many of them are not listed any more
        self.refunds_refused, self.refusals_kept = 0, False
        self.refund_status = "succeeded"  # of new ones; also pending, failed
        self.things: dict[str, dict[str, Thing]] = {
            kind: {} for kind in ("session", "intent", "charge", "refund", "dispute")
        }

    def now(self) -> int:
        return int(time.time() + self.clock)

    def set_clock(self, seconds: float) -> None:
        """Let Stripe's clock be that far ahead of ours."""
        with self.lock:
            self.clock = seconds
            self.tick()

    def tick(self) -> None:
        """Close the sessions whose time is over."""
        for session in self.things["session"].values():
            if session["status"] == "open" and session["expires_at"] <= self.now():
                self._close(session)

    def make(self, kind: str, prefix: str, object_name: str, **fields: Any) -> Thing:
        thing = {
            "id": new_id(prefix),
            "object": object_name,
            "created": self.now(),
            "livemode": self.live,
        } | fields
        self.things[kind][thing["id"]] = thing
        return thing

    def get(self, kind: str, thing_id: str) -> Thing:
        try:
            return self.things[kind][thing_id]
        except KeyError:
            raise Refused(404, f"No such {kind}: '{thing_id}'", code="resource_missing") from None

    def find(self, key: str) -> str:
        """Return the id of the one session made for a key of ours."""
        [found] = [one for one in self.sessions() if one["metadata"].get("key") == key]
        return str(found["id"])

    def say(self, kind: str, thing: Thing) -> None:
        """Note that something has happened, as Stripe's messages tell it."""
        self.events.append(
            {
                "id": new_id("evt"),
                "object": "event",
                "api_version": "2026-10-28.endive",
                "created": self.now(),
                "data": {"object": copy.deepcopy(thing)},
                "livemode": thing["livemode"],
                "pending_webhooks": 1,
                "request": {"id": None, "idempotency_key": None},
                "type": kind,
            }
        )

    # The buyer

    def pay(self, session: str) -> Thing:
        """Pay, with money that is there at once."""
        with self.lock:
            stored = self._open(session)
            self._complete(stored, "succeeded")
            self.say("checkout.session.completed", stored)
            return copy.deepcopy(stored)

    def pay_unpaid(self, session: str) -> Thing:
        """Be done, with money that comes days later."""
        with self.lock:
            stored = self._open(session)
            self._complete(stored, "processing")
            self.say("checkout.session.completed", stored)
            return copy.deepcopy(stored)

    def succeed_async(self, session: str) -> Thing:
        """Let that money arrive."""
        with self.lock:
            stored = self.get("session", session)
            self._capture(stored)
            self.say("checkout.session.async_payment_succeeded", stored)
            return copy.deepcopy(stored)

    def fail_async(self, session: str) -> Thing:
        """Let that money never arrive."""
        with self.lock:
            stored = self.get("session", session)
            self.get("intent", stored["payment_intent"])["status"] = "requires_payment_method"
            self.say("checkout.session.async_payment_failed", stored)
            return copy.deepcopy(stored)

    def expire(self, session: str) -> Thing:
        """Close an open session, as its time or a call of ours does."""
        with self.lock:
            self.tick()
            stored = self.get("session", session)
            if stored["status"] != "open":
                raise Refused(
                    400,
                    'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout'
                    f" Session has a status of `{stored['status']}`.",
                )
            self._close(stored)
            return copy.deepcopy(stored)

    def change(self, session: str, amount: int | None = None, currency: str | None = None) -> Thing:
        """Let an open session ask for something else than we asked for."""
        with self.lock:
            stored = self._open(session)
            if amount is not None:
                stored["amount_total"] = stored["amount_subtotal"] = amount
            stored["currency"] = currency or stored["currency"]
            return copy.deepcopy(stored)

    def _open(self, session: str) -> Thing:
        self.tick()
        stored = self.get("session", session)
        if stored["status"] != "open":
            raise Refused(400, f"This session is {stored['status']}.")
        return stored

    def _close(self, session: Thing) -> None:
        session |= {"status": "expired", "url": None}
        self.say("checkout.session.expired", session)

    def _complete(self, session: Thing, status: str) -> None:
        session |= {"status": "complete", "url": None}
        if not session["amount_total"]:
            session["payment_status"] = "no_payment_required"
            return
        intent = self.make(
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

    def _capture(self, session: Thing) -> None:
        intent = self.get("intent", session["payment_intent"])
        charge = self.make(
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

    # Money that goes back

    def refund(
        self, payment: str, amount: int | None = None, metadata: dict[str, str] | None = None
    ) -> Thing:
        """Pay back, all that is left or a part of it, as the dashboard does."""
        with self.lock:
            charge = self._charge(payment)
            left = charge["amount_captured"] - charge["amount_refunded"]
            amount = left if amount is None else amount
            if any(one["status"] in TAKEN_BACK for one in self._disputes(payment)):
                raise Refused(400, "It was charged back.", code="charge_disputed", kept=True)
            if not 0 < amount <= left:
                message = f"Refund amount ({amount}) is greater than unrefunded amount ({left})"
                raise Refused(400, message, code="charge_already_refunded", kept=True)
            if self.refunds_refused:
                self.refunds_refused -= 1
                message = "Insufficient funds in your account."
                kept = self.refusals_kept
                raise Refused(400, message, code="balance_insufficient", kept=kept)
            return self._refund(charge, amount, metadata or {})

    def _refund(self, charge: Thing, amount: int, metadata: dict[str, str]) -> Thing:
        refund = self.make(
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
            self.say("refund.failed", refund)
            return copy.deepcopy(refund)
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        self.say("refund.created", refund)
        self.say("charge.refunded", charge)
        return copy.deepcopy(refund)

    def fail_refund(self, refund: str) -> Thing:
        """Let a refund come back from the buyer's bank."""
        with self.lock:
            stored = self.get("refund", refund)
            charge = self.get("charge", stored["charge"])
            stored["status"] = "failed"
            charge["amount_refunded"] -= stored["amount"]
            charge["refunded"] = False
            self.say("refund.failed", stored)
            return copy.deepcopy(stored)

    # The buyer's bank

    def open_dispute(self, payment: str, status: str = "needs_response") -> Thing:
        """Let the buyer's bank take the money back for now, or only ask (``warning_…``)."""
        with self.lock:
            charge = self._charge(payment)
            dispute = self.make(
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
            self.say("charge.dispute.created", dispute)
            return copy.deepcopy(dispute)

    def win_dispute(self, dispute: str) -> Thing:
        """Let the bank decide for us."""
        return self.close_dispute(dispute, "won")

    def lose_dispute(self, dispute: str) -> Thing:
        """Let the bank decide for the buyer."""
        return self.close_dispute(dispute, "lost")

    def close_dispute(self, dispute: str, status: str) -> Thing:
        """Let a dispute end as ``won``, ``lost``, ``warning_closed`` or ``prevented``."""
        with self.lock:
            stored = self.get("dispute", dispute)
            stored["status"] = status
            if status == "won":
                self.say("charge.dispute.funds_reinstated", stored)
            self.say("charge.dispute.closed", stored)
            return copy.deepcopy(stored)

    # Looking

    def sessions(self) -> list[Thing]:
        """Return all sessions, oldest first."""
        with self.lock:
            self.tick()
            return copy.deepcopy(list(self.things["session"].values()))

    def open_sessions(self) -> list[Thing]:
        """Return those that a buyer could pay now."""
        return [session for session in self.sessions() if session["status"] == "open"]

    def captured(self, payment: str) -> int:
        """Return what was taken by a payment."""
        with self.lock:
            return int(self.get("intent", payment)["amount_received"])

    def refunded(self, payment: str) -> int:
        """Return what of it went back."""
        with self.lock:
            charge = self.get("intent", payment)["latest_charge"]
            return int(self.get("charge", charge)["amount_refunded"]) if charge else 0

    def totals(self) -> dict[str, int]:
        """Return what was taken and what went back, of all payments."""
        with self.lock:
            charges = self.things["charge"].values()
            return {
                "captured": sum(charge["amount_captured"] for charge in charges),
                "refunded": sum(charge["amount_refunded"] for charge in charges),
            }

    def events_of(self, *kinds: str) -> list[Thing]:
        """Return the messages of these kinds, oldest first; of all kinds when none is named."""
        with self.lock:
            return [event for event in self.events if not kinds or event["type"] in kinds]

    def forget_events(self) -> None:
        """Let all messages until now be too old to be listed."""
        with self.lock:
            self.forgotten = len(self.events)

    def refuse_refunds(self, times: int = 1, *, kept: bool = False) -> None:
        """Let the next refunds be refused, for want of money in the account."""
        with self.lock:
            self.refunds_refused, self.refusals_kept = times, kept

    def _disputes(self, payment: str) -> list[Thing]:
        disputes = self.things["dispute"].values()
        return [dispute for dispute in disputes if dispute["payment_intent"] == payment]

    def _charge(self, payment: str) -> Thing:
        charge = self.get("intent", payment)["latest_charge"]
        if not charge:
            message = f"This PaymentIntent ({payment}) does not have a successful charge to refund."
            raise Refused(400, message)
        return self.get("charge", charge)
