"""What all endpoints of the API share: the envelope, the methods and the caching."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from momentverse.page_cache import Group, View, public_page

JSON_TYPE = "application/json"
JsonValue: TypeAlias = (
    "str | int | float | bool | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
JsonObject: TypeAlias = "dict[str, JsonValue]"


def success_response(data: JsonValue) -> HttpResponse:
    """Return ``data`` in the envelope of a success. ``momentverse.http.errors`` does it for errors."""
    return json_response({"ok": True, "data": data})


def json_response(document: JsonValue) -> HttpResponse:
    """Return ``document`` as JSON without the envelope."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, content_type=JSON_TYPE)


def public_api(*groups: Group, parameters: Iterable[str] = ()) -> Callable[[View], View]:
    """Make a view an endpoint of the API: GET and HEAD only, and cached by ``parameters``.

    The endpoints change nothing, so they need no CSRF check. With it, a POST would
    get 403 instead of the correct 405.
    """

    def decorate(view: View) -> View:
        return csrf_exempt(require_safe(public_page(*groups, parameters=parameters)(view)))

    return decorate
