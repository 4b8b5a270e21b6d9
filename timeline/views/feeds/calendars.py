"""iCalendar files (RFC 5545): a moment as an event, and its anniversaries as a repeating event.

They are two events, because the moment happened once at its exact time, while
an anniversary takes a whole day. Anniversaries start in 1970 at the earliest:
calendars that count time from 1970 cannot expand older rules, and nobody looks
those anniversaries up.
"""

from __future__ import annotations

import calendar
import datetime as dt
import unicodedata

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from icalendar import Calendar, Event, vText

from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline.core.periods import LAST_YEAR
from timeline.models import Moment
from timeline.selectors import feeds
from timeline.selectors.feeds import CALENDAR_SIZE, absolute_url
from timeline.selectors.moments import NO_SUCH_MOMENT_MESSAGE, get_visible_moment
from timeline.selectors.profiles import get_user_by_handle

FIRST_ANNIVERSARY_YEAR = 1970
REFRESH_INTERVAL = dt.timedelta(days=1)
ONE_DAY = dt.timedelta(days=1)


@require_safe
@public_page(TIMELINE, PROFILES, parameters=())
def moment_calendar(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the calendar of a moment that the viewer may see."""
    moment = get_visible_moment(request.user, pk)
    if moment is None:
        raise Http404(NO_SUCH_MOMENT_MESSAGE)
    return _file_response(_build_calendar(moment.title, [moment]), moment.slug)


@require_safe
@public_page(PROFILES, TIMELINE, parameters=())
def profile_calendar(request: HttpRequest, handle: str) -> HttpResponse:
    """Return the calendar of the ``CALENDAR_SIZE`` public moments that a person published last."""
    owner = get_user_by_handle(handle)
    newest = feeds.recently_published_by(owner, CALENDAR_SIZE)
    return _file_response(_build_calendar(f"Moments of {owner.name}", newest), owner.handle)


def _build_calendar(name: str, moments: list[Moment]) -> Calendar:
    ical = Calendar()
    ical.add("prodid", f"-//MomentVerse//{settings.SITE_HOST}//EN")
    ical.add("version", "2.0")
    ical.add("method", "PUBLISH")
    ical.add("x-wr-calname", vText(" ".join(_strip_control_characters(name).split())))
    ical.add("refresh-interval", REFRESH_INTERVAL, parameters={"VALUE": "DURATION"})
    ical.add("x-published-ttl", REFRESH_INTERVAL)
    for moment in moments:
        ical.add_component(_build_event(moment))
        if anniversary := _first_anniversary(moment.starts_at.date()):
            ical.add_component(_build_anniversaries(moment, anniversary))
    return ical


def _build_event(moment: Moment) -> Event:
    event = _build_base_event(moment, suffix="")
    event.add("summary", _strip_control_characters(moment.title))
    event.add("dtstart", moment.starts_at)
    event.add("dtend", moment.ends_at)
    if moment.story:
        event.add("description", _strip_control_characters(moment.story))
    if moment.place:
        event.add("location", _strip_control_characters(moment.place))
    if names := [tag.name for tag in moment.tags.all()]:
        event.add("categories", names)
    return event


def _build_anniversaries(moment: Moment, first: dt.date) -> Event:
    event = _build_base_event(moment, suffix="-anniversaries")
    event.add("summary", _strip_control_characters(f"{moment.title} ({moment.starts_at.year})"))
    event.add("dtstart", first)
    event.add("dtend", first + ONE_DAY)
    rule: dict[str, str | int] = {"freq": "yearly"}
    if (moment.starts_at.month, moment.starts_at.day) == (2, 29):
        rule |= {"bymonth": 2, "bymonthday": -1}  # in other years the 28th
    event.add("rrule", rule)
    return event


def _build_base_event(moment: Moment, suffix: str) -> Event:
    event = Event()
    event.add("uid", f"{moment.public_id}{suffix}@{settings.SITE_HOST}")
    # The last change instead of the current time, so that the file stays the same until the next change.
    changed_at = moment.changed_at.replace(microsecond=0)
    event.add("dtstamp", changed_at)
    event.add("last-modified", changed_at)
    event.add("url", absolute_url(moment.get_absolute_url()))
    event.add("transp", "TRANSPARENT")  # it does not make anybody busy
    return event


def _first_anniversary(day: dt.date) -> dt.date | None:
    """Return the first anniversary to list, or None if there is none before the timeline ends."""
    year = max(day.year + 1, FIRST_ANNIVERSARY_YEAR)
    if year > LAST_YEAR or (year, day.month, day.day) == (LAST_YEAR, 12, 31):
        return None
    return dt.date(year, day.month, min(day.day, calendar.monthrange(year, day.month)[1]))


def _strip_control_characters(text: str) -> str:
    """Return a text without control characters. The library escapes the rest and folds long lines."""
    return "".join(
        character
        for character in text
        if character == "\n" or unicodedata.category(character) != "Cc"
    )


def _file_response(ical: Calendar, name: str) -> HttpResponse:
    return HttpResponse(
        ical.to_ical(),
        content_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.ics"'},
    )
