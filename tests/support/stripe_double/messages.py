"""Sign the double's events as Stripe does, and post them to a webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def sign(event: dict[str, Any], timestamp: int, secret: str) -> tuple[bytes, str]:
    """Return the body of an event and its ``Stripe-Signature`` header."""
    body = json.dumps(event, indent=2, ensure_ascii=False)
    signed = f"{timestamp}.{body}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return body.encode(), f"t={timestamp},v1={digest},v0={'0' * 64}"


def tamper(body: bytes) -> bytes:
    """Return the body with other content, so that its signature no longer matches."""
    return body.replace(b'"livemode": false', b'"livemode": true ', 1).replace(b'"evt_', b'"evt_x')


def post(url: str, message: tuple[bytes, str]) -> int:
    """Post an event and return the status of the response; 0 if there was none."""
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
    """Post events, ``at_once`` at a time, and return the statuses. One at a time keeps their order."""
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        return list(pool.map(lambda message: post(url, message), messages))
