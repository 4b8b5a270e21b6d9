"""Log browsers' reports about violations of the Content-Security-Policy.

Anybody can send a report and write anything into it. So the size and number of reports are
limited, and only a few fields are logged, truncated and without query strings, which may be
personal.
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
MAX_VIOLATIONS = 10  # per request
MAX_REPORTS_PER_MINUTE = 20  # per network
MAX_VALUE_LENGTH = 200
# The name that we log, and the names of the field in report-uri and in report-to.
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
    """Log a report and return 204, or 429 if the network sends too many."""
    if len(request.body) > MAX_BYTES:
        raise BadRequest("A report is smaller than that.")
    key = f"csp-report:{get_client_network(request)}"
    result = get_limiter(request).hit(key, MAX_REPORTS_PER_MINUTE)
    if not result.allowed:
        response = error_response(request, 429)
        response["Retry-After"] = str(result.reset_after)
        return response
    for violation in _parse_violations(request.body)[:MAX_VIOLATIONS]:
        logger.warning("content security policy: violated", extra=_extract_fields(violation))
    return HttpResponse(status=204)


def _parse_violations(body: bytes) -> list[dict[str, Any]]:
    """Return the violations in a report of either format. Raises BadRequest for anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("A report is JSON.") from None
    reports = document if isinstance(document, list) else [document]
    bodies = [
        item.get("csp-report") or (item.get("type") == "csp-violation" and item.get("body"))
        for item in reports
        if isinstance(item, dict)
    ]
    violations = [body for body in bodies if isinstance(body, dict)]
    if not violations:
        raise BadRequest("This reports nothing about the policy.")
    return violations


def _extract_fields(violation: dict[str, Any]) -> dict[str, str]:
    """Return the fields to log."""
    fields = {}
    for name, spellings in _FIELDS.items():
        value = next((violation[key] for key in spellings if key in violation), None)
        if isinstance(value, str | int):
            text = str(value)
            fields[name] = (_strip_query(text) if name in _URL_FIELDS else text)[:MAX_VALUE_LENGTH]
    return fields


def _strip_query(url: str) -> str:
    try:
        return urlsplit(url)._replace(query="", fragment="").geturl()
    except ValueError:
        return "unreadable"
