"""A page is made once and then sent as it was made, in the form that the visitor takes."""

import io
from typing import Any

import pytest

from momentverse.page_cache.entry import deserialize
from tests.support import urls
from tests.support.page_cache_front import REQUEST_HEADERS, Visitor, build_cached_site

pytestmark = pytest.mark.embedded


def test_it_works(front):
    first, second = front.get("/t/kept/"), front.get("/t/kept/")
    assert first.status == second.status == 200
    assert "made 1 times" in first.text
    assert second.text == first.text
    assert len(urls.seen) == 1


@pytest.mark.parametrize("encoding", ["", "br", "gzip", "zstd"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_hit_is_what_a_miss_was_header_by_header(front, encoding, method):
    headers = {"accept_encoding": encoding}
    miss, hit = (front.get("/t/kept/", method, **headers) for _ in range(2))
    assert hit.of_the_page == miss.of_the_page
    assert set(hit.headers) == set(miss.headers)
    assert set(hit.headers) >= REQUEST_HEADERS
    assert hit.headers["X-Request-ID"] != miss.headers["X-Request-ID"]
    assert hit.body == miss.body


def test_it_has_every_header_that_django_answers_with(front, visitor):
    hit = [front.get("/t/kept/") for _ in range(2)][1]
    by_django = visitor.get("/t/kept/")
    assert set(by_django.headers) - set(hit.headers) == set()
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Permissions-Policy"):
        assert hit.headers[name] == by_django[name]


@pytest.mark.parametrize("encoding", ["br", "gzip", "zstd"])
def test_each_form_is_ready_once_one_was_asked_for(front, encoding):
    plain = front.get("/t/kept/")
    found = front.get("/t/kept/", accept_encoding=encoding)
    assert found.headers["Content-Encoding"] == encoding
    assert found.text == plain.text
    assert len(found.body) < len(plain.body) == int(plain.headers["Content-Length"])
    assert len(urls.seen) == 1


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("GZIP", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("br;q=0, zstd;q=0.0, gzip", "gzip"),
        ("*", "br"),
        ("br;q=0, *", "zstd"),
        ("br;q=nonsense, gzip;q=0.5", "gzip"),
        ("deflate", None),
        ("identity", None),
        ("*;q=0", None),
        ("", None),
    ],
)
def test_the_encoding_is_one_that_the_client_takes(front, asked, got):
    assert front.get("/t/kept/", accept_encoding=asked).headers.get("Content-Encoding") == got


def test_what_is_small_is_not_compressed(front):
    answers = [front.get("/t/tiny/", accept_encoding="br") for _ in range(2)]
    assert [answer.body for answer in answers] == [b"tiny"] * 2
    assert "Content-Encoding" not in answers[1].headers
    assert len(urls.seen) == 1


def test_every_answer_varies_on_what_it_depends_on(front):
    for encoding in ("", "br"):
        assert (
            front.get("/t/kept/", accept_encoding=encoding).headers["Vary"]
            == "Accept-Encoding, Cookie"
        )


def test_shared_caches_are_told_how_long_and_how_old_it_is(front):
    for _ in range(2):
        headers = front.get("/t/kept/").headers
        assert (
            headers["Cache-Control"] == "public, max-age=0, s-maxage=30, stale-while-revalidate=60"
        )
        assert headers["Age"] == "0"


@pytest.mark.parametrize("encoding", ["", "br"])
@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"other", {}'])
def test_who_has_it_gets_304(front, encoding, wrap):
    headers = {"accept_encoding": encoding}
    first = front.get("/t/kept/", **headers)
    again = front.get("/t/kept/", **headers, if_none_match=wrap.format(first.headers["ETag"]))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Vary"] == first.headers["Vary"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert {"Content-Length", "Content-Type", "Content-Encoding"} & set(again.headers) == set()


def test_who_has_another_one_gets_it(front):
    front.get("/t/kept/")
    for tag in ('"other"', "nonsense", front.get("/t/kept/", accept_encoding="br").headers["ETag"]):
        assert front.get("/t/kept/", if_none_match=tag).status == 200


def test_the_maker_of_a_page_may_have_it_already(front):
    tag = front.get("/t/kept/").headers["ETag"]
    assert len(urls.seen) == 1
    other = Visitor(build_cached_site())
    assert other.get("/t/kept/", if_none_match=tag).status in (200, 304)


def test_head_has_the_length_and_no_body(front):
    got, head = front.get("/t/kept/"), front.get("/t/kept/", "HEAD")
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(got.body))
    assert len(urls.seen) == 1


def test_head_makes_a_page_for_everybody(front):
    front.get("/t/kept/", "HEAD")
    assert "made 1 times" in front.get("/t/kept/").text


def test_hits_are_logged_with_their_id(front, lines):
    answers = [front.get("/t/kept/") for _ in range(2)]
    logged = lines.of("momentverse.request")
    assert [line["message"] for line in logged] == ["GET /t/kept/ 200"] * 2
    assert [line["request_id"] for line in logged] == [
        answer.headers["X-Request-ID"] for answer in answers
    ]
    assert all(line["ms"] >= 0 for line in logged)


@pytest.mark.parametrize(
    "path",
    ["/t/fine/", "/t/missing/", "/t/nothing-here/", "/t/boom/", "/health/live/", "/t/kept", "/%00"],
)
@pytest.mark.django_db
def test_what_has_no_policy_is_djangos(front, path):
    answers = [front.get(path) for _ in range(2)]
    assert answers[0].status == answers[1].status
    assert "Age" not in answers[0].headers
    assert answers[0].headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/t/public-with-cookie/", "/t/public-missing/", "/t/picky/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_not_for_everybody_is_not_kept(front, path, method):
    urls.seen.clear()
    answers = [front.get(path, method) for _ in range(2)]
    assert "Age" not in answers[1].headers
    assert answers[0].headers["X-Request-ID"] != answers[1].headers["X-Request-ID"]
    assert int(answers[0].headers["Content-Length"]) > 0
    assert (answers[0].body == b"") == (method == "HEAD")
    if path == "/t/picky/":
        assert len(urls.seen) == 2


def test_a_page_that_is_not_kept_has_its_cookie(front):
    assert "taste=plain" in front.get("/t/public-with-cookie/").headers["Set-Cookie"]


@pytest.mark.parametrize(
    "more",
    [
        {"cookie": "session=" + "a" * 32},
        {"CONTENT_LENGTH": "3", "body": b"abc"},
        {"transfer_encoding": "chunked"},
        {"SCRIPT_NAME": "/below"},
        {"HTTP_HOST": "testserver:81"},
        {"HTTP_HOST": "stranger.example"},
        {"HTTP_HOST": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_asks_in_a_way_of_their_own_is_answered_by_django(front, more, method):
    front.get("/t/kept/")
    answer = front.get("/t/kept/", method, **more)
    assert "Age" not in answer.headers
    assert "made 1 times" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_djangos(front, method):
    front.get("/t/kept/")
    assert "Age" not in front.get("/t/kept/", method, CONTENT_LENGTH="0").headers


@pytest.mark.parametrize("cookie", ["theme=dark", "csrf=abc; other=1"])
def test_other_cookies_make_no_other_page(front, cookie):
    front.get("/t/kept/", cookie=cookie)
    assert "made 1 times" in front.get("/t/kept/").text
    assert urls.seen[0].COOKIES == {}


def test_http_and_https_are_two_pages(front):
    front.get("/t/kept/")
    secure = front.get("/t/kept/", **{"wsgi.url_scheme": "https"})
    assert "made 2 times" in secure.text


@pytest.mark.parametrize(
    ("told", "is_secure"), [("https", True), ("https, http", True), ("http", False), ("x", False)]
)
def test_the_scheme_is_what_the_proxy_says(pages, fresh_cache, settings, told, is_secure):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    visitor = Visitor(build_cached_site())
    urls.seen.clear()
    visitor.get("/t/kept/", x_forwarded_proto=told)
    assert urls.seen[0].is_secure() is is_secure
    visitor.get("/t/kept/")
    assert len(urls.seen) == 1 + is_secure


def test_a_redirect_to_https_is_not_kept_from_plain_http(pages, fresh_cache, settings):
    settings.SECURE_SSL_REDIRECT = True
    visitor = Visitor(build_cached_site())
    assert visitor.get("/t/kept/", **{"wsgi.url_scheme": "https"}).status == 200
    assert visitor.get("/t/kept/").status == 301


def test_a_release_has_pages_of_its_own(front, monkeypatch):
    front.get("/t/kept/")
    monkeypatch.setattr("momentverse.page_cache.wsgi.release_stamp", lambda: "next")
    assert "made 2 times" in Visitor(build_cached_site()).get("/t/kept/").text


def test_a_failing_page_fails_as_it_does_without_the_cache(front):
    """And the next visitor does not wait for who failed."""

    def fails(environ, start_response):
        raise RuntimeError("worker is ended")

    django = front.application._application
    front.application._application = fails
    with pytest.raises(RuntimeError):
        front.get("/t/kept/")
    front.application._application = django
    assert front.get("/t/kept/").status == 200


def test_what_django_opens_is_closed(front):
    class Chunks(io.BytesIO):
        pass

    chunks: Any = Chunks(b"<p>chunk</p>")
    headers = [("Cache-Control", "public"), ("X-Request-ID", "0"), ("Content-Type", "text/plain")]

    def application(environ, start_response):
        start_response("200 OK", headers)
        return chunks

    front.application._application = application
    assert front.get("/t/kept/").body == b"<p>chunk</p>"
    assert chunks.closed
    chunks = [b"nothing ", b"to close"]
    assert front.get("/t/tiny/").body == b"nothing to close"


@pytest.mark.parametrize("kept", [b"", b"no entry", b"no json\nbody", b"[1]\nbody", b"{}\nbody"])
def test_what_is_no_entry_is_no_page(kept):
    with pytest.raises(ValueError, match=r"."):
        deserialize(kept)


def test_what_was_looked_up_ahead_is_answered_and_counted_once(front):
    front.get("/t/kept/")
    asked = [
        front.environ(path) for path in ("/t/kept/", "/t/tiny/", "/t/fine/", "/t/kept/?before=1")
    ]
    assert front.application.look_ahead(asked) == [True, False, False, False]
    answers = [front.answer(environ) for environ in asked]
    assert [answer.status for answer in answers] == [200] * 4
    assert "made 1 times" in answers[0].text
    counted = [int(front.get("/t/kept/").headers["RateLimit-Remaining"]) for _ in range(2)]
    assert counted[0] == int(answers[0].headers["RateLimit-Remaining"]) - 4
    assert counted[1] == counted[0] - 1


def test_who_is_over_the_limit_has_nothing_at_hand(front, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    front.get("/t/kept/")
    asked = front.environ("/t/kept/")
    assert front.application.look_ahead([asked]) == [False]
    assert front.answer(asked).status == 429


@pytest.mark.parametrize(
    ("head", "worth"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"HEAD / HTTP/1.1\r\nCookie: taste=plain\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nCookie: taste=plain; SESSION=x\r\n\r\n", False),
    ],
)
def test_it_is_looked_ahead_for_who_may_be_anybody(front, settings, head, worth):
    head = head.replace(b"SESSION", settings.SESSION_COOKIE_NAME.encode())
    assert front.application.is_for_everybody(head) is worth
