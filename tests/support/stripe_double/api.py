"""The double's answers to Stripe's API: each call reads or changes the account."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from tests.support.stripe_double.account import Account, Refused, Thing

Params = dict[str, Any]

SESSION_PARAMETERS = frozenset(
    "mode line_items client_reference_id metadata payment_intent_data customer_email expires_at"
    " success_url cancel_url expand".split()
)
SHORTEST, LONGEST = 30 * 60, 24 * 3600
SMALLEST_AMOUNT = 50  # of euros and dollars, in cents
WHERE_EXPANDED = {
    "payment_intent": "intent",
    "latest_charge": "charge",
    "charge": "charge",
}


def parse_form(text: str) -> Params:
    """Return nested parameters: ``a[b][0]=c`` is ``{"a": {"b": {"0": "c"}}}``."""
    params: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        first, *path = re.findall(r"[^\[\]]+", name)
        inside = params
        for part in path:
            inside, first = inside.setdefault(first, {}), part
        inside[first] = value
    return params


def listed(params: Params, name: str) -> list[Any]:
    """Return a parameter that is an array."""
    return list(params.get(name, {}).values())


def whole(params: Params, name: str) -> int:
    """Return a parameter that is a whole number."""
    try:
        return int(params[name])
    except KeyError:
        raise Refused(400, f"Missing required param: {name}.", param=name) from None
    except ValueError:
        raise Refused(400, f"Invalid integer: {params[name]}", param=name) from None


def shown(account: Account, thing: Thing, paths: list[str]) -> Thing:
    """Return what an answer shows of an object, with what was asked to be expanded."""
    answer = {name: copy.deepcopy(value) for name, value in thing.items() if name[0] != "_"}
    for path in paths:
        name, _, rest = path.partition(".")
        if name not in WHERE_EXPANDED or name not in thing:
            raise Refused(400, f"This property cannot be expanded ({path}).")
        if thing[name]:
            inner = account.get(WHERE_EXPANDED[name], thing[name])
            answer[name] = shown(account, inner, [rest] if rest else [])
    return answer


def create_session(account: Account, params: Params) -> Thing:
    unknown = sorted(set(params) - SESSION_PARAMETERS)
    if unknown:
        raise Refused(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown")
    if params.get("mode") != "payment":
        raise Refused(400, "You must provide a mode.", param="mode")
    lines = [_line(line) for line in listed(params, "line_items")]
    if not lines or len({currency for _, currency in lines}) != 1:
        raise Refused(400, "All prices on a Checkout Session must have one currency.")
    amount, currency = sum(price for price, _ in lines), lines[0][1]
    if 0 < amount < SMALLEST_AMOUNT and currency in ("eur", "usd"):
        raise Refused(400, "The total amount must be at least 50 cents.", code="amount_too_small")
    session = account.make(
        "session",
        f"cs_{'live' if account.live else 'test'}",
        "checkout.session",
        amount_subtotal=amount,
        amount_total=amount,
        cancel_url=_address(params, "cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        currency=currency,
        customer_email=_email(params),
        expires_at=_end(account, params),
        metadata=params.get("metadata", {}),
        mode="payment",
        payment_intent=None,
        payment_status="unpaid",
        status="open",
        success_url=_address(params, "success_url"),
        _payment=params.get("payment_intent_data", {}),
    )
    session["url"] = f"{account.url}/c/pay/{session['id']}"
    return session


def _line(line: Params) -> tuple[int, str]:
    price = line.get("price_data", {})
    if not price.get("product_data", {}).get("name"):
        raise Refused(400, "Missing required param: name.", param="line_items")
    amount, quantity = whole(price, "unit_amount"), whole(line, "quantity")
    if amount < 0 or quantity < 1 or not re.fullmatch("[a-z]{3}", price.get("currency", "")):
        raise Refused(400, "Invalid line item", param="line_items")
    return amount * quantity, price["currency"]


def _address(params: Params, name: str) -> str:
    address = params.get(name, "")
    if not re.match(r"https?://[^/]+", address):
        raise Refused(400, f"Not a valid URL: {address}", code="url_invalid", param=name)
    return str(address)


def _email(params: Params) -> str | None:
    email = params.get("customer_email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise Refused(400, f"Invalid email address: {email}", code="email_invalid")
    return email


def _end(account: Account, params: Params) -> int:
    end = whole(params, "expires_at")
    if not SHORTEST <= end - account.now() <= LONGEST:
        message = (
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation"
            " and less than 24 hours from it."
        )
        raise Refused(400, message, param="expires_at")
    return end


def create_refund(account: Account, params: Params) -> Thing:
    amount = whole(params, "amount") if "amount" in params else None
    return account.refund(params.get("payment_intent", ""), amount, params.get("metadata", {}))


def expire_session(account: Account, params: Params, session: str) -> Thing:
    return account.get("session", account.expire(session)["id"])


def _getter(kind: str) -> Callable[..., Thing]:
    return lambda account, params, thing_id: account.get(kind, thing_id)


def _lister(kind: str, *filters: str) -> Callable[..., Thing]:
    def answer(account: Account, params: Params) -> Thing:
        things = [
            thing
            for thing in account.things[kind].values()
            if all(thing[name] == params[name] for name in filters if name in params)
        ]
        return page(things, params)

    return answer


def list_events(account: Account, params: Params) -> Thing:
    kinds = listed(params, "types")
    events = account.events[account.forgotten :]
    return page([event for event in events if not kinds or event["type"] in kinds], params)


def page(things: list[Thing], params: Params) -> Thing:
    """Return a page of a list, newest first."""
    limit = whole({"limit": 10} | params, "limit")
    if not 1 <= limit <= 100:
        raise Refused(400, "Invalid integer: limit must be between 1 and 100", param="limit")
    earliest = whole(params.get("created", {"gte": 0}), "gte")
    rows = [thing for thing in reversed(things) if thing["created"] >= earliest]
    after = params.get("starting_after")
    if after is not None:
        ids = [row["id"] for row in rows]
        if after not in ids:
            raise Refused(400, f"No such object: '{after}'", param="starting_after")
        rows = rows[ids.index(after) + 1 :]
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit}


ROUTES: dict[tuple[str, str], Callable[..., Thing]] = {
    ("POST", "/v1/checkout/sessions"): create_session,
    ("GET", "/v1/checkout/sessions"): _lister("session", "payment_intent", "status"),
    ("GET", "/v1/checkout/sessions/:id"): _getter("session"),
    ("POST", "/v1/checkout/sessions/:id/expire"): expire_session,
    ("GET", "/v1/payment_intents/:id"): _getter("intent"),
    ("POST", "/v1/refunds"): create_refund,
    ("GET", "/v1/refunds"): _lister("refund", "payment_intent", "charge"),
    ("GET", "/v1/refunds/:id"): _getter("refund"),
    ("GET", "/v1/disputes"): _lister("dispute", "payment_intent", "charge"),
    ("GET", "/v1/events"): list_events,
}
PATTERNS = [
    (method, route, re.compile(route.replace(":id", r"([A-Za-z0-9_]+)")))
    for method, route in ROUTES
]


def matched(method: str, path: str) -> tuple[str, list[str]]:
    """Return the route of a call and the ids in it; a path that is no route stands for itself."""
    for known, route, pattern in PATTERNS:
        found = pattern.fullmatch(path)
        if found and known == method:
            return route, list(found.groups())
    return path, []


def answer(account: Account, method: str, path: str, params: Params) -> Thing:
    """Do what a call asks for, and return its answer's body. Raises Refused."""
    route, ids = matched(method, path)
    if (method, route) not in ROUTES:
        raise Refused(404, f"Unrecognized request URL ({method}: {path}).")
    paths = listed(params, "expand")
    with account.lock:
        account.tick()
        thing = ROUTES[method, route](account, params, *ids)
        if thing["object"] == "list":
            paths = [name.removeprefix("data.") for name in paths]
            rows = [shown(account, row, paths) for row in thing["data"]]
            return thing | {"data": rows, "url": route}
        return shown(account, thing, paths)
