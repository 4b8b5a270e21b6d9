"""The home page."""

from __future__ import annotations

import datetime as dt
import re

from django.utils import timezone

from timeline.core.formatting import format_day
from timeline.core.spans import parse_instant
from timeline.models import Visibility
from timeline.selectors.rollups import Tally
from timeline.services import likes
from timeline.views.home import build_figures


def to_iso(instant):
    return instant.replace(microsecond=0).isoformat()


def test_it_works(client, make_tagged_moment):
    moment = make_tagged_moment("1969-07-20T20:17:40Z", "moon", title="The Eagle has landed")
    response = client.get("/")
    assert response.status_code == 200
    assert "The Eagle has landed" in response.text
    assert moment.get_absolute_url() in response.text
    assert "20th century" in response.text
    for way_in in ("/claim/", "/timeline/centuries/", "/today/", "/tags/"):
        assert f'href="{way_in}"' in response.text


def test_empty_timeline(client, db):
    response = client.get("/")
    assert response.status_code == 200
    assert "No moment is public yet." in response.text


def test_running_moment_is_shown(client, make_moment):
    make_moment(to_iso(timezone.now() - dt.timedelta(minutes=30)), 3600, title="This very hour")
    assert "Happening now" in client.get("/").text


def test_last_and_next_moment_are_shown(client, make_moment):
    make_moment(to_iso(timezone.now() - dt.timedelta(hours=30)), 60, title="Yesterday")
    make_moment(to_iso(timezone.now() + dt.timedelta(hours=30)), 60, title="Tomorrow")
    page = client.get("/").text
    assert "Happening now" not in page
    assert page.index("Yesterday") < page.index("Tomorrow")


def test_current_second_is_shown(client, db):
    page = client.get("/").text
    (iso,) = re.findall(r'<time datetime="([^"]+)" data-clock>', page)
    instant = parse_instant(iso)
    assert abs(timezone.now() - instant) < dt.timedelta(minutes=1)
    assert f"{instant:%H:%M:%S}</span>" in page
    assert format_day(instant) in page


def test_totals_are_shown(client, make_moment):
    """The number of public moments, and the seconds of all moments: it is public that a span is taken."""
    make_moment("1969-07-20", 3600)
    make_moment("1969-07-21", 1)
    make_moment("1969-07-22", 100, visibility=Visibility.PRIVATE)
    page = client.get("/").text
    assert "<dt>public moments</dt><dd>2</dd>" in page
    assert "<dt>seconds claimed</dt><dd>3,701</dd>" in page
    assert "<dd>315,537,724,800</dd>" in page


def test_labels_of_totals_have_singular_forms():
    figures = build_figures(Tally(1, 1))
    assert figures[:2] == [("1", "public moment"), ("1", "second claimed")]


def test_recent_moments_are_newest_first(client, make_moment):
    now = timezone.now()
    for hours in range(1, 8):
        make_moment(to_iso(now - dt.timedelta(hours=hours)), 60, title=f"{hours} before")
    make_moment(to_iso(now - dt.timedelta(minutes=5)), 60, visibility="private", title="Canary")
    page = client.get("/").text
    lately = page.split('id="lately"')[1].split("</section>")[0]
    assert re.findall(r"<bdi>(\d) before", lately) == ["1", "2", "3", "4", "5"]
    assert "3 hours ago" in lately
    oldest = to_iso(now - dt.timedelta(hours=5)).replace("+00:00", "Z")
    assert f'href="/timeline/?before={oldest}"' in lately
    assert "Canary" not in page


def test_this_day_in_other_years_is_shown(client, make_moment):
    today = timezone.now()
    year = 1904 if (today.month, today.day) == (2, 29) else 1901
    make_moment(f"{year}-{today:%m-%d}T12:00:00Z", title="Long ago today")
    assert "Long ago today" in client.get("/").text.split("On this day")[1]


def test_only_safe_methods_are_allowed(client, db):
    assert client.post("/").status_code == 405
    assert client.head("/").status_code == 200


def test_trending_moments_are_shown(client, make_moment, stranger, django_assert_max_num_queries):
    moment = make_moment("1969-07-20", title="Landing")
    assert "Liked lately" not in client.get("/").text
    stranger.date_joined = stranger.date_joined.replace(year=2020)
    likes.like(stranger, moment)
    with django_assert_max_num_queries(6):
        page = client.get("/").text
    assert "Landing" in page.split("Liked lately")[1]
    assert "/trending/" in page
