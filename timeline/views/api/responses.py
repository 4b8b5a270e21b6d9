"""How every address of the API answers: the envelope, the methods, the lifetime."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from momentverse.page_cache import Group, View, public_page

JSON_TYPE = "application/json"


def success_response(data: Any) -> HttpResponse:
    """Return ``data`` in the envelope of success. Errors are wrapped by `momentverse.http.errors`."""
    return json_response({"ok": True, "data": data})


def json_response(document: Any) -> HttpResponse:
    """Return ``document`` as JSON without the envelope."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, content_type=JSON_TYPE)


def public_api(*groups: Group, parameters: Iterable[str] = ()) -> Callable[[View], View]:
    """Make a view an address of the API: GET and HEAD, the same for everybody who asks with ``parameters``.

    Exempt from the check of form tokens, which would answer 403 where 405 is
    right: nothing is written here.
    """

    def decorate(view: View) -> View:
        return csrf_exempt(require_safe(public_page(*groups, parameters=parameters)(view)))

    return decorate
