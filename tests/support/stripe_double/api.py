"""The calls of Stripe's API that the double supports. Each reads or changes the account."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from tests.support.stripe_double.account import Account, ApiError, StripeObject

Params = dict[str, Any]

SESSION_PARAMETERS = frozenset(
    "mode line_items client_reference_id metadata payment_intent_data customer_email expires_at"
    " success_url cancel_url expand".split()
)
MIN_SESSION_SECONDS, MAX_SESSION_SECONDS = 30 * 60, 24 * 3600
MIN_AMOUNT = 50  # of euros and dollars, in cents
EXPANDABLE = {
    "payment_intent": "intent",
    "latest_charge": "charge",
    "charge": "charge",
}


def parse_form(text: str) -> Params:
    """Parse nested parameters: ``a[b][0]=c`` is ``{"a": {"b": {"0": "c"}}}``."""
    params: Params = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        first, *path = re.findall(r"[^\[\]]+", name)
        inside = params
        for part in path:
            inside, first = inside.setdefault(first, {}), part
        inside[first] = value
    return params


def parse_list(params: Params, name: str) -> list[Any]:
    """Return the items of an array parameter."""
    return list(params.get(name, {}).values())


def parse_int(params: Params, name: str) -> int:
    """Return an integer parameter. Raises ApiError."""
    try:
        return int(params[name])
    except KeyError:
        raise ApiError(400, f"Missing required param: {name}.", param=name) from None
    except ValueError:
        raise ApiError(400, f"Invalid integer: {params[name]}", param=name) from None


def serialize(account: Account, obj: StripeObject, paths: list[str]) -> StripeObject:
    """Return the JSON of an object, with the objects at ``paths`` expanded."""
    body = {name: copy.deepcopy(value) for name, value in obj.items() if name[0] != "_"}
    for path in paths:
        name, _, rest = path.partition(".")
        if name not in EXPANDABLE or name not in obj:
            raise ApiError(400, f"This property cannot be expanded ({path}).")
        if obj[name]:
            inner = account.get(EXPANDABLE[name], obj[name])
            body[name] = serialize(account, inner, [rest] if rest else [])
    return body


def create_session(account: Account, params: Params) -> StripeObject:
    unknown = sorted(set(params) - SESSION_PARAMETERS)
    if unknown:
        raise ApiError(400, f"Received unknown parameter: {unknown[0]}", code="parameter_unknown")
    if params.get("mode") != "payment":
        raise ApiError(400, "You must provide a mode.", param="mode")
    lines = [_parse_line(line) for line in parse_list(params, "line_items")]
    if not lines or len({currency for _, currency in lines}) != 1:
        raise ApiError(400, "All prices on a Checkout Session must have one currency.")
    amount, currency = sum(price for price, _ in lines), lines[0][1]
    if 0 < amount < MIN_AMOUNT and currency in ("eur", "usd"):
        raise ApiError(400, "The total amount must be at least 50 cents.", code="amount_too_small")
    session = account.create(
        "session",
        f"cs_{'live' if account.live else 'test'}",
        "checkout.session",
        amount_subtotal=amount,
        amount_total=amount,
        cancel_url=_parse_url(params, "cancel_url"),
        client_reference_id=params.get("client_reference_id"),
        currency=currency,
        customer_email=_parse_email(params),
        expires_at=_parse_expiry(account, params),
        metadata=params.get("metadata", {}),
        mode="payment",
        payment_intent=None,
        payment_status="unpaid",
        status="open",
        success_url=_parse_url(params, "success_url"),
        _payment=params.get("payment_intent_data", {}),
    )
    session["url"] = f"{account.url}/c/pay/{session['id']}"
    return session


def _parse_line(line: Params) -> tuple[int, str]:
    price = line.get("price_data", {})
    if not price.get("product_data", {}).get("name"):
        raise ApiError(400, "Missing required param: name.", param="line_items")
    amount, quantity = parse_int(price, "unit_amount"), parse_int(line, "quantity")
    if amount < 0 or quantity < 1 or not re.fullmatch("[a-z]{3}", price.get("currency", "")):
        raise ApiError(400, "Invalid line item", param="line_items")
    return amount * quantity, price["currency"]


def _parse_url(params: Params, name: str) -> str:
    address = params.get(name, "")
    if not re.match(r"https?://[^/]+", address):
        raise ApiError(400, f"Not a valid URL: {address}", code="url_invalid", param=name)
    return str(address)


def _parse_email(params: Params) -> str | None:
    email = params.get("customer_email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise ApiError(400, f"Invalid email address: {email}", code="email_invalid")
    return email


def _parse_expiry(account: Account, params: Params) -> int:
    end = parse_int(params, "expires_at")
    if not MIN_SESSION_SECONDS <= end - account.now() <= MAX_SESSION_SECONDS:
        message = (
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation"
            " and less than 24 hours from it."
        )
        raise ApiError(400, message, param="expires_at")
    return end


def create_refund(account: Account, params: Params) -> StripeObject:
    amount = parse_int(params, "amount") if "amount" in params else None
    return account.refund(params.get("payment_intent", ""), amount, params.get("metadata", {}))


def expire_session(account: Account, params: Params, session: str) -> StripeObject:
    return account.get("session", account.expire(session)["id"])


def _build_getter(kind: str) -> Callable[..., StripeObject]:
    return lambda account, params, object_id: account.get(kind, object_id)


def _build_lister(kind: str, *filters: str) -> Callable[..., StripeObject]:
    def list_objects(account: Account, params: Params) -> StripeObject:
        objects = [
            obj
            for obj in account.objects[kind].values()
            if all(obj[name] == params[name] for name in filters if name in params)
        ]
        return paginate(objects, params)

    return list_objects


def list_events(account: Account, params: Params) -> StripeObject:
    kinds = parse_list(params, "types")
    events = account.events[account.forgotten :]
    return paginate([event for event in events if not kinds or event["type"] in kinds], params)


def paginate(objects: list[StripeObject], params: Params) -> StripeObject:
    """Return one page of a list, newest first."""
    limit = parse_int({"limit": 10} | params, "limit")
    if not 1 <= limit <= 100:
        raise ApiError(400, "Invalid integer: limit must be between 1 and 100", param="limit")
    earliest = parse_int(params.get("created", {"gte": 0}), "gte")
    rows = [obj for obj in reversed(objects) if obj["created"] >= earliest]
    after = params.get("starting_after")
    if after is not None:
        ids = [row["id"] for row in rows]
        if after not in ids:
            raise ApiError(400, f"No such object: '{after}'", param="starting_after")
        rows = rows[ids.index(after) + 1 :]
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit}


ROUTES: dict[tuple[str, str], Callable[..., StripeObject]] = {
    ("POST", "/v1/checkout/sessions"): create_session,
    ("GET", "/v1/checkout/sessions"): _build_lister("session", "payment_intent", "status"),
    ("GET", "/v1/checkout/sessions/:id"): _build_getter("session"),
    ("POST", "/v1/checkout/sessions/:id/expire"): expire_session,
    ("GET", "/v1/payment_intents/:id"): _build_getter("intent"),
    ("POST", "/v1/refunds"): create_refund,
    ("GET", "/v1/refunds"): _build_lister("refund", "payment_intent", "charge"),
    ("GET", "/v1/refunds/:id"): _build_getter("refund"),
    ("GET", "/v1/disputes"): _build_lister("dispute", "payment_intent", "charge"),
    ("GET", "/v1/events"): list_events,
}
PATTERNS = [
    (method, route, re.compile(route.replace(":id", r"([A-Za-z0-9_]+)")))
    for method, route in ROUTES
]


def match_route(method: str, path: str) -> tuple[str, list[str]]:
    """Return the route of a call and the ids in its path. A path without a route is its own route."""
    for verb, route, pattern in PATTERNS:
        match = pattern.fullmatch(path)
        if match and verb == method:
            return route, list(match.groups())
    return path, []


def handle_call(account: Account, method: str, path: str, params: Params) -> StripeObject:
    """Carry out an API call, and return the body of the response. Raises ApiError."""
    route, ids = match_route(method, path)
    if (method, route) not in ROUTES:
        raise ApiError(404, f"Unrecognized request URL ({method}: {path}).")
    paths = parse_list(params, "expand")
    with account.lock:
        account.tick()
        obj = ROUTES[method, route](account, params, *ids)
        if obj["object"] == "list":
            paths = [name.removeprefix("data.") for name in paths]
            rows = [serialize(account, row, paths) for row in obj["data"]]
            return obj | {"data": rows, "url": route}
        return serialize(account, obj, paths)
