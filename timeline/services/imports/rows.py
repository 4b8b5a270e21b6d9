"""The row type that all readers yield: a validated moment, or the reason for refusing it."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from timeline.core.exceptions import TimelineError
from timeline.core.local_time import get_zone, parse_local_instant
from timeline.core.spans import MAX_DURATION
from timeline.core.text import normalize_line
from timeline.models import Moment, Status, Visibility
from timeline.services.tags import parse_tags

COLUMNS = (
    "external_id", "title", "starts_at", "ends_at", "seconds",
    "time_zone", "place", "tags", "story", "source",
)  # fmt: skip
REQUIRED_COLUMNS = ("external_id", "title", "starts_at")
MAX_SECONDS = int(MAX_DURATION.total_seconds())


class RowRefused(TimelineError):
    """A row cannot become a moment. The message gives the reason."""


class UnreadableFile(TimelineError):
    """A whole file cannot be read. The message gives the reason."""


@dataclass(frozen=True)
class Refusal:
    """A row that is not imported."""

    number: int  # its position in the file
    reason: str
    external_id: str = ""  # empty if it could not be read

    def __str__(self) -> str:
        name = f" ({self.external_id})" if self.external_id else ""
        # The file's content is untrusted: it must not send control characters to the terminal.
        return ascii(f"row {self.number}{name} refused: {self.reason}")[1:-1]


@dataclass(frozen=True)
class Row:
    """A validated row."""

    number: int  # its position in the file
    moment: Moment  # not saved, without an owner
    tags: tuple[str, ...]  # names, normalised


Rows = Iterator[Row | Refusal]


def parse_row(number: int, cells: Mapping[str, object]) -> Row | Refusal:
    """Validate a row given as a mapping from column name to value.

    ``seconds`` is an integer or its digits, ``tags`` a list or a text with ``;``
    between the tags, every other cell a text.
    """
    try:
        zone = get_zone(_get_text(cells, "time_zone") or "UTC")
        starts_at = parse_local_instant(_get_text(cells, "starts_at"), zone)
        return build_row(
            number,
            tags=_parse_tags(cells.get("tags")),
            starts_at=starts_at,
            ends_at=_parse_end(cells, starts_at, zone),
            time_zone=zone.key,
            **{
                name: _get_text(cells, name)
                for name in ("external_id", "title", "place", "story", "source")
            },
        )
    except (TimelineError, ValidationError, OverflowError) as error:
        return Refusal(number, format_error(error))


def build_row(
    number: int,
    *,
    external_id: str,
    title: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    time_zone: str = "UTC",
    place: str = "",
    story: str = "",
    source: str = "",
    tags: Iterable[str] = (),
) -> Row:
    """Return a validated row. Instants are in UTC.

    Raises RowRefused, TagRefused or ValidationError.
    """
    moment = Moment(
        external_id=_normalize_required_line("external_id", external_id),
        title=title,
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone=time_zone,
        place=place,
        story=story,
        source=source,
        status=Status.ACTIVE,
        visibility=Visibility.PUBLIC,
    )
    # Cleaning normalises texts first and checks lengths afterwards: normalising can make a text longer.
    moment.clean_fields(exclude={"user"})
    moment.clean()
    return Row(number, moment, parse_tags(tags))


def format_error(error: Exception) -> str:
    """Return an error as one or more sentences, to be used as the reason of a refusal."""
    if isinstance(error, ValidationError):
        if hasattr(error, "error_dict"):
            return " ".join(
                f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items()
            )
        return " ".join(error.messages)
    if isinstance(error, OverflowError):
        return "There is no such time."
    return str(error)


def _get_text(cells: Mapping[str, object], name: str) -> str:
    value = cells.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RowRefused(f"{name}: a text is expected.")
    return value.strip()


def _normalize_required_line(name: str, text: str) -> str:
    try:
        return normalize_line(text)
    except ValidationError as error:
        raise RowRefused(f"{name}: {' '.join(error.messages)}") from error


def _parse_end(
    cells: Mapping[str, object], starts_at: dt.datetime, zone: zoneinfo.ZoneInfo
) -> dt.datetime:
    ends, seconds = _get_text(cells, "ends_at"), cells.get("seconds")
    if bool(ends) == (seconds not in (None, "")):
        raise RowRefused("Give either ends_at or seconds.")
    if ends:
        return parse_local_instant(ends, zone)
    digits = str(seconds).strip() if type(seconds) in (int, str) else ""
    if not re.fullmatch(r"\d{1,5}", digits, re.ASCII) or not 1 <= int(digits) <= MAX_SECONDS:
        raise RowRefused(f"seconds: a whole number from 1 to {MAX_SECONDS} is expected.")
    return starts_at + dt.timedelta(seconds=int(digits))


def _parse_tags(value: object) -> list[str]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return value.split(";")
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise RowRefused("tags: a list of texts is expected.")
    return value
