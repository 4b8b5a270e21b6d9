"""The home page."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone


def at(instant):
    return instant.replace(microsecond=0).isoformat()


def test_it_works(client, tagged):
    moment = tagged("1969-07-20T20:17:40Z", "moon", title="The Eagle has landed")
    response = client.get("/")
    assert response.status_code == 200
    assert "The Eagle has landed" in response.text
    assert moment.get_absolute_url() in response.text
    assert "/tags/moon/" in response.text
    assert "20th century" in response.text


def test_it_works_without_any_moment(client, db):
    response = client.get("/")
    assert response.status_code == 200
    assert "No moment is public yet." in response.text


def test_it_shows_what_happens_now(client, make_moment):
    make_moment(at(timezone.now() - dt.timedelta(minutes=30)), 3600, title="This very hour")
    assert "Happening now" in client.get("/").text


def test_it_shows_the_last_and_the_next(client, make_moment):
    make_moment(at(timezone.now() - dt.timedelta(hours=30)), 60, title="Yesterday")
    make_moment(at(timezone.now() + dt.timedelta(hours=30)), 60, title="Tomorrow")
    page = client.get("/").text
    assert "Happening now" not in page
    assert page.index("Yesterday") < page.index("Tomorrow")


def test_it_shows_this_day_in_other_years(client, make_moment):
    today = timezone.now()
    year = 1904 if (today.month, today.day) == (2, 29) else 1901
    make_moment(f"{year}-{today:%m-%d}T12:00:00Z", title="Long ago today")
    assert "Long ago today" in client.get("/").text.split("On this day")[1]


def test_only_safe_methods(client, db):
    assert client.post("/").status_code == 405
    assert client.head("/").status_code == 200
