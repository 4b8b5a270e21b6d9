"""Signing the double's events as Stripe does, and posting them."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def sign(event: dict[str, Any], instant: int, secret: str) -> tuple[bytes, str]:
    """Return a message's body and its ``Stripe-Signature``."""
    body = json.dumps(event, indent=2, ensure_ascii=False)
    signed = f"{instant}.{body}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return body.encode(), f"t={instant},v1={digest},v0={'0' * 64}"


def altered(body: bytes) -> bytes:
    """Return a body that says something else."""
    return body.replace(b'"livemode": false', b'"livemode": true ', 1).replace(b'"evt_', b'"evt_x')


def post(url: str, message: tuple[bytes, str]) -> int:
    """Post a message and return the answer's status; 0 when there is none."""
    body, signature = message
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def post_all(url: str, messages: list[tuple[bytes, str]], at_once: int) -> list[int]:
    """Post messages, in this order where they go one by one; return the statuses."""
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return list(pool.map(lambda message: post(url, message), messages))
