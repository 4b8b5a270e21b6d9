"""Metadata of a moment's page for search engines and for chats that show link previews."""

from __future__ import annotations

import json

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from timeline.core.periods import Period
from timeline.core.spans import format_instant
from timeline.models import Moment
from timeline.selectors.feeds import preview_picture_url

_DESCRIPTION_LENGTH = 160
# In a script element these characters could end the element or start a comment. Escaped, they mean the same.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def build_description(moment: Moment) -> str:
    """Return the time of a moment and the beginning of its story, as one line."""
    text = f"{moment.when}. {' '.join(moment.story.split())}".strip()
    if len(text) <= _DESCRIPTION_LENGTH:
        return text
    return f"{text[: _DESCRIPTION_LENGTH - 1].rsplit(' ', 1)[0]}…"


def build_structured_data(moment: Moment, periods: list[Period]) -> SafeString:
    """Return JSON-LD with the moment as a schema.org event, and breadcrumbs of the periods above it."""
    url = settings.SITE_URL + moment.get_absolute_url()
    event: dict[str, object] = {
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


def dump_for_script(data: dict[str, object]) -> SafeString:
    """Return JSON that is safe inside a script element, whatever texts it contains."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308  nothing in it can end the element
