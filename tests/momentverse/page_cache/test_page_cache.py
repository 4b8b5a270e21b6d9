"""Cache-Control: nothing may be cached, unless its view opts in and the visitor has no session."""

import pytest
from django.test import Client


def test_it_works(visitor):
    response = visitor.get("/t/public/")
    assert response["Cache-Control"] == "public, max-age=0, s-maxage=30, stale-while-revalidate=60"
    assert "Cookie" in response["Vary"]


@pytest.mark.parametrize(
    "path",
    ["/t/fine/", "/t/missing/", "/t/boom/", "/api/t/json/", "/health/ready/", "/admin/login/"],
)
@pytest.mark.django_db
def test_responses_are_not_cacheable_by_default(visitor, path):
    response = visitor.get(path)
    assert "no-store" in response["Cache-Control"]
    assert "private" in response["Cache-Control"]


def test_page_with_session_is_not_cacheable(visitor):
    visitor.cookies["session"] = "a" * 32
    response = visitor.get("/t/public/")
    assert response["Cache-Control"] == "private, no-store"
    assert "Cookie" in response["Vary"]


def test_page_that_sets_cookie_is_not_cacheable(visitor):
    assert visitor.get("/t/public-with-cookie/")["Cache-Control"] == "private, no-store"


def test_error_is_not_cacheable(visitor):
    assert visitor.get("/t/public-missing/")["Cache-Control"] == "private, no-store"


def test_compressed_page_varies_on_accept_encoding(visitor):
    response = visitor.get("/t/public/", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert {"Accept-Encoding", "Cookie"} <= set(response["Vary"].split(", "))
    assert response["ETag"].startswith('W/"')


def test_plain_and_compressed_pages_are_both_revalidated(visitor):
    for encoding in ("gzip", "identity"):
        headers = {"Accept-Encoding": encoding}
        tag = visitor.get("/t/public/", headers=headers)["ETag"]
        again = visitor.get("/t/public/", headers=headers | {"If-None-Match": tag})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"].removeprefix("W/") == tag.removeprefix("W/")
        assert "public" in again["Cache-Control"]


def test_uncacheable_response_has_no_etag(visitor):
    assert "ETag" not in visitor.get("/t/fine/")


def test_head_has_the_headers_of_get(visitor):
    get, head = visitor.get("/t/public/"), visitor.head("/t/public/")
    assert head.status_code == 200
    assert head.content == b""
    assert head["Cache-Control"] == get["Cache-Control"]


def test_all_visitors_get_the_same_bytes(pages):
    assert len({Client().get("/t/public/").content for _ in range(3)}) == 1
