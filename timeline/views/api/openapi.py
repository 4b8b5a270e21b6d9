"""The API's description, an OpenAPI 3.1 document.

It is returned without the envelope, because programs that read such documents
expect the document itself.
"""

from __future__ import annotations

from functools import cache
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from momentverse.http.errors import MESSAGES
from momentverse.page_cache import STATIC_PAGES
from timeline.core.periods import CENTURIES, Level
from timeline.views.api import patterns
from timeline.views.api.fields import FIELDS, LIST_FIELDS
from timeline.views.api.parameters import DEFAULT_LIMIT, MAX_LIMIT
from timeline.views.api.responses import (
    JSON_TYPE,
    JsonObject,
    JsonValue,
    json_response,
    public_api,
)
from timeline.views.api.schemas import (
    SCHEMAS,
    Schema,
    error_schema,
    reference,
    string_schema,
    success_schema,
)

VERSION = "1.0.0"

_DESCRIPTION = """\
One public timeline, read as JSON. Every answer is `{"ok": true, "data": …}` or
`{"ok": false, "error": {"code", "message"}}`; only this document stands bare.

Every address takes GET and HEAD, shows everybody the same, and needs no key. A page of the
timeline is followed by its `next`, which is the `cursor` of the page after it: pages are cut by
time, so none shows a moment twice or leaves one out, whatever is added meanwhile.

Parameters that are not described here are ignored."""

# The error statuses that any endpoint may return.
_ERRORS = (400, 404, 405, 429, 500, 503)


@public_api(STATIC_PAGES)
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document."""
    return json_response(build_document())


@cache
def build_document() -> JsonObject:
    """Build the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "MomentVerse", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [
            {"name": "moments", "description": "What people hold on to."},
            {"name": "periods", "description": "How much of the timeline is held."},
            {"name": "about", "description": "The API itself."},
        ],
        "paths": _build_paths(),
        "components": {
            "schemas": SCHEMAS,
            "responses": _build_error_responses(),
            "headers": _HEADERS,
        },
    }


def _build_paths() -> JsonObject:
    return {
        "/api/timeline": {
            "get": _build_operation(
                "timeline", "moments", "Moments, newest first", "Timeline", _QUERY
            )
        },
        "/api/moments/{id}": {
            "get": _build_operation(
                "moment", "moments", "One moment with all its fields", "Moment", [_ID]
            )
        },
        **_build_period_paths(),
        "/api/density/{level}": {
            "get": _build_operation(
                "density", "periods", "Counts of many periods at once", "Density", [_LEVEL, _AT]
            )
        },
        "/api/free": {
            "get": _build_operation("free", "periods", "What is free in an hour", "FreeHour", [_AT])
        },
        "/api/openapi.json": {"get": _build_document_operation()},
    }


def _build_period_paths() -> JsonObject:
    paths: JsonObject = {
        "/api/periods": _build_period_path(
            "wholeTimeline", "The whole timeline and its centuries", []
        )
    }
    paths["/api/periods/centuries/{number}"] = _build_period_path(
        "century", "A century and its years", [_CENTURY]
    )
    path = "/api/periods"
    for index, (name, summary) in enumerate(_PERIODS.items()):
        path += f"/{{{name}}}"
        paths[path] = _build_period_path(name, summary, _DATE_PARTS[: index + 1])
    return paths


def _build_period_path(name: str, summary: str, parameters: list[Schema]) -> JsonObject:
    return {"get": _build_operation(name, "periods", summary, "Period", parameters)}


def _build_operation(
    name: str, tag: str, summary: str, data_schema: str, parameters: list[Schema]
) -> JsonObject:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "parameters": parameters,
        "responses": _build_responses(success_schema(reference(data_schema))),
    }


def _build_document_operation() -> JsonObject:
    document_schema: Schema = {
        "type": "object",
        "properties": {"openapi": {"const": "3.1.0"}, "info": {"type": "object"}},
        "required": ["openapi", "info", "paths"],
    }
    return {
        "operationId": "openapi",
        "tags": ["about"],
        "summary": "This document, without the envelope",
        "responses": _build_responses(document_schema),
    }


def _build_responses(schema: Schema) -> JsonObject:
    success: JsonObject = {
        "description": "What was asked for.",
        "headers": _header_references("ETag", "Cache-Control", *_RATE_LIMIT_HEADERS),
        "content": {JSON_TYPE: {"schema": schema}},
    }
    unchanged = {"description": "The same as the `If-None-Match` of the request says."}
    errors = {str(status): reference(_response_name(status), "responses") for status in _ERRORS}
    return {"200": success, "304": unchanged, **errors}


def _build_error_responses() -> JsonObject:
    more = {405: ["Allow"], 429: ["Retry-After"], 503: ["Retry-After"]}
    return {
        _response_name(status): {
            "description": MESSAGES[status].message,
            "headers": _header_references(*more.get(status, []), *_RATE_LIMIT_HEADERS),
            "content": {JSON_TYPE: {"schema": error_schema(status)}},
        }
        for status in _ERRORS
    }


def _response_name(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _header_references(*names: str) -> dict[str, Schema]:
    return {name: reference(name, "headers") for name in names}


def _header(description: str, schema_type: str = "integer") -> JsonObject:
    return {"description": description, "schema": {"type": schema_type}}


_RATE_LIMIT_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_HEADERS = {
    "ETag": _header("What `If-None-Match` is compared with.", "string"),
    "Cache-Control": _header("How long shared caches may keep the answer.", "string"),
    "Allow": _header("The methods that the address takes.", "string"),
    "Retry-After": _header("Seconds after which to try again."),
    "RateLimit-Limit": _header("Requests that a network may make in a minute."),
    "RateLimit-Remaining": _header("How many of them are left."),
    "RateLimit-Reset": _header("Seconds until there is room again."),
}


def _path_parameter(name: str, description: str, example: JsonValue, schema: Schema) -> Schema:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def _query_parameter(name: str, description: str, example: JsonValue, schema: Schema) -> Schema:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
        "example": example,
    }


_INSTANT_TEXT = string_schema(
    "ISO 8601, in whole seconds; UTC where no offset is given. A date is its midnight.",
    pattern=patterns.INSTANT,
)
_QUERY = [
    _query_parameter(
        "start", "Only moments that end after this.", "1969-07-20T00:00:00Z", _INSTANT_TEXT
    ),
    _query_parameter(
        "end",
        "Only moments that start before this; it is later than `start`.",
        "1969-07-21",
        _INSTANT_TEXT,
    ),
    _query_parameter(
        "cursor",
        "Only moments that start before this: the `next` of the page before.",
        "1969-07-20T20:17:40Z",
        _INSTANT_TEXT,
    ),
    _query_parameter(
        "limit",
        "How many moments at most.",
        10,
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    _query_parameter(
        "fields",
        "Only these fields of each moment, with commas between them.",
        ["id", "title", "starts_at"],
        {
            "type": "array",
            "items": {"enum": list(FIELDS)},
            "minItems": 1,
            "uniqueItems": True,
            "default": list(LIST_FIELDS),
        },
    )
    | {"style": "form", "explode": False},
]
_AT = _query_parameter("at", "A time in it.", "1969-07-20T20:17:40Z", _INSTANT_TEXT) | {
    "required": True
}
_LEVEL = _path_parameter(
    "level",
    "By what is counted; it says what a tile is: all centuries, a century's years, a decade's"
    " months (1961 to 1970), a year's days, four days' hours.",
    "month",
    {"enum": [level.value for level in Level]},
)
_ID = _path_parameter(
    "id", "The moment's id.", "3mJr7AoUXx2", string_schema("Base 58.", pattern=patterns.PUBLIC_ID)
)
_CENTURY = _path_parameter(
    "number",
    "The 20th century is the years 1901 to 2000.",
    20,
    {"type": "integer", "minimum": 1, "maximum": CENTURIES},
)
_DATE_PARTS = [
    _path_parameter(
        "year", "Four digits.", "1969", string_schema("0001 to 9999.", pattern=patterns.YEAR)
    ),
    _path_parameter(
        "month", "Two digits.", "07", string_schema("01 to 12.", pattern=patterns.MONTH)
    ),
    _path_parameter("day", "Two digits.", "20", string_schema("01 to 31.", pattern=patterns.DAY)),
    _path_parameter("hour", "Two digits.", "20", string_schema("00 to 23.", pattern=patterns.HOUR)),
]
_PERIODS = {
    "year": "A year and its months",
    "month": "A month and its days",
    "day": "A day and its hours",
    "hour": "An hour",
}
