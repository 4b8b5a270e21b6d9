"""Takes browsers' reports of what the Content-Security-Policy has kept from happening, and logs them.

Anybody can send one and write into it what they like. So a report is small,
few are taken from one network, and of each a few fields are logged, cut short
and without queries, which may be somebody's.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from momentverse.http.client_ip import client_network
from momentverse.http.errors import error_response
from momentverse.ratelimit.middleware import shared_limiter

logger = logging.getLogger("momentverse.csp_reports")

MOST_BYTES = 16 * 1024
MOST_REPORTS = 10  # of one request
PER_MINUTE = 20
_LONGEST = 200
# As report-uri names a field, and as report-to does.
_FIELDS = {
    "directive": ("effective-directive", "effectiveDirective"),
    "blocked": ("blocked-uri", "blockedURL"),
    "page": ("document-uri", "documentURL"),
    "source": ("source-file", "sourceFile"),
    "line": ("line-number", "lineNumber"),
}
_ADDRESSES = ("blocked", "page", "source")


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Log what a browser reports; 204, or 429 to who reports too much."""
    if len(request.body) > MOST_BYTES:
        raise BadRequest("A report is smaller than that.")
    verdict = shared_limiter(request).hit(f"csp-report:{client_network(request)}", PER_MINUTE)
    if not verdict.allowed:
        response = error_response(request, 429)
        response["Retry-After"] = str(verdict.reset_after)
        return response
    for violation in _violations(request.body)[:MOST_REPORTS]:
        logger.warning("content security policy: violated", extra=_told(violation))
    return HttpResponse(status=204)


def _violations(body: bytes) -> list[dict[str, Any]]:
    """Return the violations in a report of either kind. Raises BadRequest for anything else."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("A report is JSON.") from None
    reports = sent if isinstance(sent, list) else [sent]
    bodies = [
        one.get("csp-report") or (one.get("type") == "csp-violation" and one.get("body"))
        for one in reports
        if isinstance(one, dict)
    ]
    found = [body for body in bodies if isinstance(body, dict)]
    if not found:
        raise BadRequest("This reports nothing about the policy.")
    return found


def _told(violation: dict[str, Any]) -> dict[str, str]:
    told = {}
    for name, spellings in _FIELDS.items():
        value = next((violation[key] for key in spellings if key in violation), None)
        if isinstance(value, str | int):
            text = str(value)
            told[name] = (_without_query(text) if name in _ADDRESSES else text)[:_LONGEST]
    return told


def _without_query(address: str) -> str:
    try:
        return urlsplit(address)._replace(query="", fragment="").geturl()
    except ValueError:
        return "unreadable"
