"""The fields of a moment in the API, each with the database columns that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from timeline.core.spans import format_instant
from timeline.models import Moment
from timeline.views.api.responses import JsonObject, JsonValue


@dataclass(frozen=True)
class Field:
    """A field: the columns it is computed from, besides the id, and the function that does it."""

    columns: tuple[str, ...]
    get_value: Callable[[Moment], JsonValue]


def _column_field(name: str) -> Field:
    return Field((name,), lambda moment: getattr(moment, name))


def _instant_field(name: str) -> Field:
    return Field((name,), lambda moment: format_instant(getattr(moment, name)))


def _get_seconds(moment: Moment) -> int:
    return int((moment.ends_at - moment.starts_at).total_seconds())


def _get_owner(moment: Moment) -> dict[str, str]:
    return {"handle": moment.user.handle, "name": moment.user.name}


# `serialize_moment` fills the tags in: they are read for a whole page at once.
TAGS = "tags"
FIELDS = {
    "id": Field((), lambda moment: moment.public_id),
    "url": Field(("title",), Moment.get_absolute_url),
    "title": _column_field("title"),
    "starts_at": _instant_field("starts_at"),
    "ends_at": _instant_field("ends_at"),
    "seconds": Field(("starts_at", "ends_at"), _get_seconds),
    "place": _column_field("place"),
    "time_zone": _column_field("time_zone"),
    "utc_offset": _column_field("utc_offset"),
    TAGS: Field((), lambda _: []),
    "owner": Field(("user__handle", "user__display_name"), _get_owner),
    "source": _column_field("source"),
    "story": _column_field("story"),
}
# Stories are long, so a list only has them on request.
LIST_FIELDS = tuple(name for name in FIELDS if name != "story")


def get_columns(names: Iterable[str]) -> frozenset[str]:
    """Return the columns that the fields with these names need."""
    return frozenset(column for name in names for column in FIELDS[name].columns)


def serialize_moment(moment: Moment, names: Iterable[str], tags: list[str] | None) -> JsonObject:
    """Return the fields with these names of a moment that has ``tags``."""
    fields = {name: FIELDS[name].get_value(moment) for name in names}
    if tags and TAGS in fields:
        fields[TAGS] = tags
    return fields
