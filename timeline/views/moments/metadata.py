"""What a moment's page tells programs that show links to it: search engines, chats."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from timeline.core.periods import Period
from timeline.core.spans import format_instant
from timeline.models import Moment
from timeline.selectors.feeds import preview_picture_url

_DESCRIPTION_LENGTH = 160
# Inside of a script element these could end it or begin a comment; as escapes they mean the same.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def build_description(moment: Moment) -> str:
    """Return when a moment is and how its story begins, on one line."""
    words = f"{moment.when}. {' '.join(moment.story.split())}".strip()
    if len(words) <= _DESCRIPTION_LENGTH:
        return words
    return f"{words[: _DESCRIPTION_LENGTH - 1].rsplit(' ', 1)[0]}…"


def build_structured_data(moment: Moment, periods: list[Period]) -> SafeString:
    """Return a moment as schema.org describes events, with the periods that lead to it, in JSON-LD."""
    url = settings.SITE_URL + moment.get_absolute_url()
    event: dict[str, Any] = {
        "@type": "Event",
        "@id": url,
        "url": url,
        "name": moment.title,
        "startDate": format_instant(moment.starts_at),
        "endDate": format_instant(moment.ends_at),
        "description": build_description(moment),
    }
    if image := preview_picture_url(moment):
        event["image"] = image
    if moment.place:
        event["location"] = {"@type": "Place", "name": moment.place}
    steps = [(period.name, settings.SITE_URL + period.url) for period in periods]
    crumbs = [
        {"@type": "ListItem", "position": position, "name": name, "item": address}
        for position, (name, address) in enumerate([*steps, (moment.title, url)], start=1)
    ]
    graph = [event, {"@type": "BreadcrumbList", "itemListElement": crumbs}]
    return dump_for_script({"@context": "https://schema.org", "@graph": graph})


def dump_for_script(data: dict[str, Any]) -> SafeString:
    """Return JSON that can stand inside of a script element, whatever its texts hold."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308  nothing in it ends the element
