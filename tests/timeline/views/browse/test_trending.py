"""The page of trending moments."""

from __future__ import annotations

from timeline.services import likes


def test_it_works(client, make_moment, stranger):
    moment = make_moment("1969-07-20", title="Landing")
    stranger.date_joined = stranger.date_joined.replace(year=2020)
    likes.like(stranger, moment)
    page = client.get("/trending/")
    assert page.status_code == 200
    assert moment.get_absolute_url() in page.text
    assert "1 person likes it" in page.text


def test_empty_page_is_explained(client, make_moment):
    make_moment("1969-07-20", title="Landing")
    page = client.get("/trending/").text
    assert "Nobody has liked a moment lately." in page
    assert "Landing" not in page


def test_page_is_cached_for_ten_minutes(client, db):
    assert "s-maxage=600" in client.get("/trending/")["Cache-Control"]
