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

from momentverse.http.client_ip import get_client_network
from momentverse.http.errors import error_response
from momentverse.ratelimit.middleware import get_limiter

logger = logging.getLogger("momentverse.csp_reports")

MAX_BYTES = 16 * 1024
MAX_VIOLATIONS = 10  # of one request
MAX_REPORTS_PER_MINUTE = 20
MAX_VALUE_LENGTH = 200
# As report-uri names a field, and as report-to does.
_FIELDS = {
    "directive": ("effective-directive", "effectiveDirective"),
    "blocked": ("blocked-uri", "blockedURL"),
    "page": ("document-uri", "documentURL"),
    "source": ("source-file", "sourceFile"),
    "line": ("line-number", "lineNumber"),
}
_URL_FIELDS = ("blocked", "page", "source")


@csrf_exempt
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Log what a browser reports; 204, or 429 to who reports too much."""
    if len(request.body) > MAX_BYTES:
        raise BadRequest("A report is smaller than that.")
    verdict = get_limiter(request).hit(
        f"csp-report:{get_client_network(request)}", MAX_REPORTS_PER_MINUTE
    )
    if not verdict.allowed:
        response = error_response(request, 429)
        response["Retry-After"] = str(verdict.reset_after)
        return response
    for violation in _parse_violations(request.body)[:MAX_VIOLATIONS]:
        logger.warning("content security policy: violated", extra=_extract_fields(violation))
    return HttpResponse(status=204)


def _parse_violations(body: bytes) -> list[dict[str, Any]]:
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


def _extract_fields(violation: dict[str, Any]) -> dict[str, str]:
    told = {}
    for name, spellings in _FIELDS.items():
        value = next((violation[key] for key in spellings if key in violation), None)
        if isinstance(value, str | int):
            text = str(value)
            told[name] = (_strip_query(text) if name in _URL_FIELDS else text)[:MAX_VALUE_LENGTH]
    return told


def _strip_query(address: str) -> str:
    try:
        return urlsplit(address)._replace(query="", fragment="").geturl()
    except ValueError:
        return "unreadable"
