"""Calendars of a moment and of a person, with anniversaries."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from icalendar import Calendar

from timeline.models import Visibility
from timeline.services.imports.ical_reader import read_ical


def parse_calendar(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    return Calendar.from_ical(response.content)


def get_events(response):
    return parse_calendar(response).walk("VEVENT")


def calendar_path(moment):
    return f"/moments/{moment.public_id}/calendar.ics"


def test_it_works(client, make_tagged_moment):
    moment = make_tagged_moment(
        "1969-07-20T20:17:40Z", "moon", "apollo", title="The Eagle has landed", story="One.\nTwo.",
        place="Sea of Tranquility",
    )  # fmt: skip
    response = client.get(calendar_path(moment))
    event, anniversary = get_events(response)
    assert event["summary"] == "The Eagle has landed"
    assert event["dtstart"].dt == moment.starts_at
    assert event["dtend"].dt == moment.ends_at
    assert event["description"] == "One.\nTwo."
    assert event["location"] == "Sea of Tranquility"
    assert sorted(event["categories"].cats) == ["apollo", "moon"]
    assert event["url"] == f"http://127.0.0.1:8000{moment.get_absolute_url()}"
    assert event["uid"] == f"{moment.public_id}@127.0.0.1"
    assert "rrule" not in event
    assert anniversary["summary"] == "The Eagle has landed (1969)"
    assert anniversary["dtstart"].dt == dt.date(1970, 7, 20)
    assert anniversary["rrule"] == {"FREQ": ["YEARLY"]}
    assert response["Content-Disposition"] == 'attachment; filename="the-eagle-has-landed.ics"'


def test_calendar_of_a_person(client, make_moment, stranger):
    make_moment("2020-01-01", title="Hers")
    make_moment("2020-01-02", title="His", user=stranger)
    response = client.get("/@ada/calendar.ics")
    assert [event["summary"] for event in get_events(response)] == ["Hers", "Hers (2020)"]
    assert parse_calendar(response)["x-wr-calname"] == "Moments of Ada"


@pytest.mark.parametrize(
    ("start", "written", "first"),
    [
        ("0001-01-02T03:04:05Z", "00010102T030405Z", dt.date(1970, 1, 2)),
        ("1582-10-15", "15821015T000000Z", dt.date(1970, 10, 15)),
        ("1969-12-31T23:59:59Z", "19691231T235959Z", dt.date(1970, 12, 31)),
        ("2020-05-05", "20200505T000000Z", dt.date(2021, 5, 5)),
        ("9998-12-30", "99981230T000000Z", dt.date(9999, 12, 30)),
        ("9999-12-30", "99991230T000000Z", None),
        ("9998-12-31", "99981231T000000Z", None),  # its anniversary would end in the year 10000
    ],
)
def test_calendar_works_for_every_year(client, make_moment, start, written, first):
    """Edge case 6."""
    response = client.get(calendar_path(make_moment(start, seconds=1)))
    assert f"DTSTART:{written}\r\n" in response.text
    _, *anniversaries = get_events(response)
    assert [event["dtstart"].dt for event in anniversaries] == ([first] if first else [])


def test_29_february_has_an_anniversary_each_year(client, make_moment):
    """It is on the last day of February, and the first year need not be a leap year."""
    _, anniversary = get_events(client.get(calendar_path(make_moment("2024-02-29"))))
    assert anniversary["dtstart"].dt == dt.date(2025, 2, 28)
    assert anniversary["rrule"] == {"FREQ": ["YEARLY"], "BYMONTH": [2], "BYMONTHDAY": [-1]}


def test_hostile_texts_are_escaped(client, hostile_moment):
    """Edge case 19 and edge case 22: a line break in a title starts neither a line nor an event."""
    response = client.get(calendar_path(hostile_moment))
    lines = response.content.split(b"\r\n")
    assert [line for line in lines if line.startswith(b"BEGIN:VEVENT")] == [b"BEGIN:VEVENT"] * 2
    assert b"\r" not in response.content.replace(b"\r\n", b"")
    assert b"\n" not in response.content.replace(b"\r\n", b"")
    assert max(len(line) for line in lines) <= 75
    response.content.decode()  # no character is folded in two that a reader could not join
    event, _ = get_events(response)
    for name in ("summary", "description", "location"):
        text = str(event[name])
        assert "]]> \nBEGIN:VEVENT\nX:1;,\\" in text
        assert "שלום 👩‍🚀" in text
        assert not set(text) & set("\r\x0b\x1f\x7f")


def test_first_event_can_be_imported_again(client, make_tagged_moment):
    moment = make_tagged_moment("1969-07-20T20:17:40Z", "moon", title="The Eagle; has, landed")
    response = client.get(calendar_path(moment))
    row, refusal = read_ical(io.BytesIO(response.content))
    assert (row.moment.title, row.moment.span) == (moment.title, moment.span)
    assert "repeats" in refusal.reason


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_calendar_follows_visibility(client, make_moment, owner, stranger, visibility):
    """Edge case 15: everybody may have an unlisted moment's calendar, only the owner a private one's."""
    moment = make_moment("2020-01-01", visibility=visibility, title="Canary")
    status = 404 if visibility == Visibility.PRIVATE else 200
    assert client.get(calendar_path(moment)).status_code == status
    client.force_login(stranger)
    assert client.get(calendar_path(moment)).status_code == status
    client.force_login(owner)
    response = client.get(calendar_path(moment))
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"


def test_hidden_moments_are_not_in_the_calendar_of_a_person(
    client, hidden_moments, make_moment, owner
):
    """Edge case 15: not even for the owner, who may share the calendar with others."""
    make_moment("2020-01-01", title="Shown")
    assert "Canary" not in client.get("/@ada/calendar.ics").text
    client.force_login(owner)
    text = client.get("/@ada/calendar.ics").text
    assert "Shown" in text
    assert "Canary" not in text


def test_unchanged_calendar_is_304(client, make_moment):
    moment = make_moment("2020-01-01")
    for path in (calendar_path(moment), "/@ada/calendar.ics"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first["ETag"]})
        assert again.status_code == 304


def test_unknown_person_is_404(client, db):
    assert client.get("/@nobody/calendar.ics").status_code == 404
    assert client.get("/moments/11111111111/calendar.ics").status_code == 404
