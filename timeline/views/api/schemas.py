"""What the API's answers hold, as JSON Schemas: the components of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from momentverse.http.errors import TEXTS
from timeline.core.periods import Level
from timeline.models.moment import STORY_LENGTH, TITLE_LENGTH
from timeline.selectors.tiles import MOST_PARTS
from timeline.views.api import patterns
from timeline.views.api.fields import FIELDS

Schema = dict[str, Any]


def text(description: str, **more: Any) -> Schema:
    """Return the schema of a string."""
    return {"type": "string", "description": description, **more}


def count(description: str, **more: Any) -> Schema:
    """Return the schema of a whole number that is not negative."""
    return {"type": "integer", "minimum": 0, "description": description, **more}


def reference(name: str, kind: str = "schemas") -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def thing(properties: dict[str, Schema], **more: Any) -> Schema:
    """Return the schema of an object that has all of ``properties`` and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **more,
    }


def enveloped(data: Schema) -> Schema:
    """Return the schema of a successful answer that holds ``data``."""
    return thing({"ok": {"const": True}, "data": data})


def error(status: int) -> Schema:
    """Return the schema of the answer to what went wrong with this status."""
    words = {
        "code": {"const": TEXTS[status].code},
        "message": text("A sentence for people.", minLength=1, examples=[TEXTS[status].message]),
    }
    return thing({"ok": {"const": False}, "error": thing(words)})


_INSTANT = text(
    "UTC, in whole seconds of POSIX time.",
    pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
    examples=["1969-07-20T20:17:40Z"],
)

_OWNER = thing(
    {
        "handle": text("Part of the profile's address.", examples=["ada"]),
        "name": text("The name that others see.", examples=["Ada"]),
    }
)

_MOMENT_FIELDS: dict[str, Schema] = {
    "id": text("Random, never changes.", pattern=patterns.PUBLIC_ID, examples=["3mJr7AoUXx2"]),
    "url": text("Path of the moment's page.", pattern="^/moments/"),
    "title": text(
        "One line.", minLength=1, maxLength=TITLE_LENGTH, examples=["The Eagle has landed"]
    ),
    "starts_at": reference("Instant"),
    "ends_at": reference("Instant") | {"description": "The first second that is not the moment's."},
    "seconds": count("Length: at most 24 hours.", minimum=1, maximum=86400),
    "place": text("Where it happened; may be empty."),
    "time_zone": text("IANA name of the zone that it was entered in.", examples=["Europe/Berlin"]),
    "utc_offset": {
        "type": "integer",
        "description": "What that zone's clocks were ahead of UTC at the start, in seconds.",
    },
    "tags": {"type": "array", "items": text("A tag's name."), "description": "By name."},
    "owner": reference("Owner"),
    "source": text("Where the time can be looked up; may be empty."),
    "story": text("Lines of plain text; may be empty.", maxLength=STORY_LENGTH),
}
assert _MOMENT_FIELDS.keys() == FIELDS.keys()

_ADDRESS = {"type": ["string", "null"], "pattern": "^/api/periods"}

_HELD = {
    "name": text("In words.", examples=["July 1969"]),
    "level": {"enum": [level.value for level in Level]},
    "url": text(
        "Address of the period here.", pattern="^/api/periods", examples=["/api/periods/1969/07"]
    ),
    "starts_at": reference("Instant"),
    "ends_at": reference("Instant") | {"description": "The first second after the period."},
    "moments": count("Public moments that start in the period."),
    "seconds": count("Seconds of the period that belong to a moment, public or not."),
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
    "Moment": thing(_MOMENT_FIELDS),
    "SelectedMoment": {
        "type": "object",
        "description": "A moment with the fields that were asked for; without `story` by default.",
        "properties": _MOMENT_FIELDS,
        "additionalProperties": False,
        "minProperties": 1,
    },
    "Timeline": thing(
        {
            "moments": {"type": "array", "items": reference("SelectedMoment"), "maxItems": 200},
            "next": {
                "anyOf": [reference("Instant"), {"type": "null"}],
                "description": "`cursor` of the next page; null when this is the last.",
            },
        }
    ),
    "Part": thing(_HELD),
    "Period": thing(
        {
            **_HELD,
            "level": {"enum": ["timeline", *(level.value for level in Level)]},
            "previous": _ADDRESS | {"description": "The period before; null at the beginning."},
            "next": _ADDRESS | {"description": "The period after; null at the end."},
            "parent": _ADDRESS | {"description": "The longer period; null for the whole timeline."},
            "parts": {
                "type": "array",
                "items": reference("Part"),
                "maxItems": 100,
                "description": "The shorter periods in it, in order; an hour has none.",
            },
        }
    ),
    "Density": thing(
        {
            "level": {"enum": [level.value for level in Level]},
            "starts_at": reference("Instant"),
            "ends_at": reference("Instant") | {"description": "The first second after the tile."},
            "parts": {
                "type": "array",
                "items": reference("Count"),
                "maxItems": MOST_PARTS,
                "description": "The periods that hold anything, in order; others hold nothing.",
            },
        }
    ),
    "Count": thing(
        {
            "starts_at": reference("Instant"),
            "moments": _HELD["moments"],
            "seconds": _HELD["seconds"],
        }
    ),
    "FreeHour": thing(
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
    "Stretch": thing(
        {
            "starts_at": reference("Instant"),
            "ends_at": reference("Instant") | {"description": "The first second after it."},
        }
    ),
}
