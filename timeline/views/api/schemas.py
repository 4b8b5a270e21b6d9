"""JSON Schemas of the API's responses, which are the components of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping

from momentverse.http.errors import MESSAGES
from timeline.core.periods import Level
from timeline.models.moment import STORY_LENGTH, TITLE_LENGTH
from timeline.selectors.tiles import MAX_PERIODS
from timeline.views.api import patterns
from timeline.views.api.fields import FIELDS
from timeline.views.api.responses import JsonObject, JsonValue

Schema = JsonObject


def string_schema(description: str, **more: JsonValue) -> Schema:
    """Return the schema of a string."""
    return {"type": "string", "description": description, **more}


def count_schema(description: str, **more: JsonValue) -> Schema:
    """Return the schema of an integer that is not negative."""
    return {"type": "integer", "minimum": 0, "description": description, **more}


def reference(name: str, kind: str = "schemas") -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def object_schema(properties: Mapping[str, Schema], **more: JsonValue) -> Schema:
    """Return the schema of an object that has all of ``properties`` and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def success_schema(data: Schema) -> Schema:
    """Return the schema of a successful response with ``data``."""
    return object_schema({"ok": {"const": True}, "data": data})


def error_schema(status: int) -> Schema:
    """Return the schema of an error response with this status."""
    fields: dict[str, Schema] = {
        "code": {"const": MESSAGES[status].code},
        "message": string_schema(
            "A sentence for people.", minLength=1, examples=[MESSAGES[status].message]
        ),
    }
    return object_schema({"ok": {"const": False}, "error": object_schema(fields)})


_INSTANT = string_schema(
    "UTC, in whole seconds of POSIX time.",
    pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
    examples=["1969-07-20T20:17:40Z"],
)

_OWNER = object_schema(
    {
        "handle": string_schema("Part of the profile's address.", examples=["ada"]),
        "name": string_schema("The name that others see.", examples=["Ada"]),
    }
)

_MOMENT_FIELDS: dict[str, Schema] = {
    "id": string_schema(
        "Random, never changes.", pattern=patterns.PUBLIC_ID, examples=["3mJr7AoUXx2"]
    ),
    "url": string_schema("Path of the moment's page.", pattern="^/moments/"),
    "title": string_schema(
        "One line.", minLength=1, maxLength=TITLE_LENGTH, examples=["The Eagle has landed"]
    ),
    "starts_at": reference("Instant"),
    "ends_at": reference("Instant") | {"description": "The first second that is not the moment's."},
    "seconds": count_schema("Length: at most 24 hours.", minimum=1, maximum=86400),
    "place": string_schema("Where it happened; may be empty."),
    "time_zone": string_schema(
        "IANA name of the zone that it was entered in.", examples=["Europe/Berlin"]
    ),
    "utc_offset": {
        "type": "integer",
        "description": "What that zone's clocks were ahead of UTC at the start, in seconds.",
    },
    "tags": {"type": "array", "items": string_schema("A tag's name."), "description": "By name."},
    "owner": reference("Owner"),
    "source": string_schema("Where the time can be looked up; may be empty."),
    "story": string_schema("Lines of plain text; may be empty.", maxLength=STORY_LENGTH),
}
assert _MOMENT_FIELDS.keys() == FIELDS.keys()

_NULLABLE_PATH: Schema = {"type": ["string", "null"], "pattern": "^/api/periods"}

_PERIOD_FIELDS: dict[str, Schema] = {
    "name": string_schema("In words.", examples=["July 1969"]),
    "level": {"enum": [level.value for level in Level]},
    "url": string_schema(
        "Address of the period here.", pattern="^/api/periods", examples=["/api/periods/1969/07"]
    ),
    "starts_at": reference("Instant"),
    "ends_at": reference("Instant") | {"description": "The first second after the period."},
    "moments": count_schema("Public moments that start in the period."),
    "seconds": count_schema("Seconds of the period that belong to a moment, public or not."),
    "claimed": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "The share of the period that belongs to a moment.",
    },
}

SCHEMAS: dict[str, Schema] = {
    "Instant": _INSTANT,
    "Owner": _OWNER,
    "Moment": object_schema(_MOMENT_FIELDS),
    "SelectedMoment": {
        "type": "object",
        "description": "A moment with the fields that were asked for; without `story` by default.",
        "properties": _MOMENT_FIELDS,
        "additionalProperties": False,
        "minProperties": 1,
    },
    "Timeline": object_schema(
        {
            "moments": {"type": "array", "items": reference("SelectedMoment"), "maxItems": 200},
            "next": {
                "anyOf": [reference("Instant"), {"type": "null"}],
                "description": "`cursor` of the next page; null when this is the last.",
            },
        }
    ),
    "Part": object_schema(_PERIOD_FIELDS),
    "Period": object_schema(
        {
            **_PERIOD_FIELDS,
            "level": {"enum": ["timeline", *(level.value for level in Level)]},
            "previous": _NULLABLE_PATH
            | {"description": "The period before; null at the beginning."},
            "next": _NULLABLE_PATH | {"description": "The period after; null at the end."},
            "parent": _NULLABLE_PATH
            | {"description": "The longer period; null for the whole timeline."},
            "parts": {
                "type": "array",
                "items": reference("Part"),
                "maxItems": 100,
                "description": "The shorter periods in it, in order; an hour has none.",
            },
        }
    ),
    "Density": object_schema(
        {
            "level": {"enum": [level.value for level in Level]},
            "starts_at": reference("Instant"),
            "ends_at": reference("Instant") | {"description": "The first second after the tile."},
            "parts": {
                "type": "array",
                "items": reference("Count"),
                "maxItems": MAX_PERIODS,
                "description": "The periods that hold anything, in order; others hold nothing.",
            },
        }
    ),
    "Count": object_schema(
        {
            "starts_at": reference("Instant"),
            "moments": _PERIOD_FIELDS["moments"],
            "seconds": _PERIOD_FIELDS["seconds"],
        }
    ),
    "FreeHour": object_schema(
        {
            "starts_at": reference("Instant"),
            "ends_at": reference("Instant") | {"description": "The first second after the hour."},
            "free": {
                "type": "array",
                "items": reference("Stretch"),
                "maxItems": 1800,
                "description": "What nobody holds, in order.",
            },
        }
    ),
    "Stretch": object_schema(
        {
            "starts_at": reference("Instant"),
            "ends_at": reference("Instant") | {"description": "The first second after it."},
        }
    ),
}
