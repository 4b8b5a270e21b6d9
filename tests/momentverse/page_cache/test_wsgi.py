"""A page is rendered once and then served from the cache, in an encoding that the client accepts."""

import io
from typing import Any

import pytest

from momentverse.page_cache.entry import deserialize
from tests.support import urls
from tests.support.wsgi_client import REQUEST_HEADERS, WSGIClient, build_cached_site

pytestmark = pytest.mark.embedded


def test_it_works(cached_client):
    first, second = cached_client.get("/t/cached/"), cached_client.get("/t/cached/")
    assert first.status == second.status == 200
    assert "rendered 1 times" in first.text
    assert second.text == first.text
    assert len(urls.received) == 1


@pytest.mark.parametrize("encoding", ["", "br", "gzip", "zstd"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_hit_has_the_headers_and_body_of_the_miss(cached_client, encoding, method):
    headers = {"accept_encoding": encoding}
    miss, hit = (cached_client.get("/t/cached/", method, **headers) for _ in range(2))
    assert hit.page_headers == miss.page_headers
    assert set(hit.headers) == set(miss.headers)
    assert set(hit.headers) >= REQUEST_HEADERS
    assert hit.headers["X-Request-ID"] != miss.headers["X-Request-ID"]
    assert hit.body == miss.body


def test_hit_has_every_header_of_django(cached_client, visitor):
    hit = [cached_client.get("/t/cached/") for _ in range(2)][1]
    from_django = visitor.get("/t/cached/")
    assert set(from_django.headers) - set(hit.headers) == set()
    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Permissions-Policy"):
        assert hit.headers[name] == from_django[name]


@pytest.mark.parametrize("encoding", ["br", "gzip", "zstd"])
def test_all_encodings_are_stored_at_once(cached_client, encoding):
    plain = cached_client.get("/t/cached/")
    encoded = cached_client.get("/t/cached/", accept_encoding=encoding)
    assert encoded.headers["Content-Encoding"] == encoding
    assert encoded.text == plain.text
    assert len(encoded.body) < len(plain.body) == int(plain.headers["Content-Length"])
    assert len(urls.received) == 1


@pytest.mark.parametrize(
    ("accepted", "encoding"),
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
def test_encoding_is_one_that_the_client_accepts(cached_client, accepted, encoding):
    assert (
        cached_client.get("/t/cached/", accept_encoding=accepted).headers.get("Content-Encoding")
        == encoding
    )


def test_small_page_is_not_compressed(cached_client):
    responses = [cached_client.get("/t/tiny/", accept_encoding="br") for _ in range(2)]
    assert [response.body for response in responses] == [b"tiny"] * 2
    assert "Content-Encoding" not in responses[1].headers
    assert len(urls.received) == 1


def test_response_varies_on_encoding_and_cookie(cached_client):
    for encoding in ("", "br"):
        assert (
            cached_client.get("/t/cached/", accept_encoding=encoding).headers["Vary"]
            == "Accept-Encoding, Cookie"
        )


def test_headers_state_lifetime_and_age(cached_client):
    for _ in range(2):
        headers = cached_client.get("/t/cached/").headers
        assert (
            headers["Cache-Control"] == "public, max-age=0, s-maxage=30, stale-while-revalidate=60"
        )
        assert headers["Age"] == "0"


@pytest.mark.parametrize("encoding", ["", "br"])
@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"other", {}'])
def test_client_that_has_the_page_gets_304(cached_client, encoding, wrap):
    headers = {"accept_encoding": encoding}
    first = cached_client.get("/t/cached/", **headers)
    again = cached_client.get(
        "/t/cached/", **headers, if_none_match=wrap.format(first.headers["ETag"])
    )
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Vary"] == first.headers["Vary"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert {"Content-Length", "Content-Type", "Content-Encoding"} & set(again.headers) == set()


def test_client_that_has_another_page_gets_it(cached_client):
    cached_client.get("/t/cached/")
    for tag in (
        '"other"',
        "nonsense",
        cached_client.get("/t/cached/", accept_encoding="br").headers["ETag"],
    ):
        assert cached_client.get("/t/cached/", if_none_match=tag).status == 200


def test_client_may_have_the_page_before_this_process_rendered_it(cached_client):
    tag = cached_client.get("/t/cached/").headers["ETag"]
    assert len(urls.received) == 1
    other = WSGIClient(build_cached_site())
    assert other.get("/t/cached/", if_none_match=tag).status in (200, 304)


def test_head_has_the_length_and_no_body(cached_client):
    got, head = cached_client.get("/t/cached/"), cached_client.get("/t/cached/", "HEAD")
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(got.body))
    assert len(urls.received) == 1


def test_page_rendered_for_head_is_served_to_get(cached_client):
    cached_client.get("/t/cached/", "HEAD")
    assert "rendered 1 times" in cached_client.get("/t/cached/").text


def test_hits_are_logged_with_their_request_id(cached_client, log):
    responses = [cached_client.get("/t/cached/") for _ in range(2)]
    logged = log.from_logger("momentverse.request")
    assert [line["message"] for line in logged] == ["GET /t/cached/ 200"] * 2
    assert [line["request_id"] for line in logged] == [
        response.headers["X-Request-ID"] for response in responses
    ]
    assert all(line["ms"] >= 0 for line in logged)


@pytest.mark.parametrize(
    "path",
    [
        "/t/fine/",
        "/t/missing/",
        "/t/nothing-here/",
        "/t/boom/",
        "/health/live/",
        "/t/cached",
        "/%00",
    ],
)
@pytest.mark.django_db
def test_page_without_policy_is_not_cached(cached_client, path):
    responses = [cached_client.get(path) for _ in range(2)]
    assert responses[0].status == responses[1].status
    assert "Age" not in responses[0].headers
    assert responses[0].headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/t/public-with-cookie/", "/t/public-missing/", "/t/varying/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_uncacheable_response_is_not_stored(cached_client, path, method):
    urls.received.clear()
    responses = [cached_client.get(path, method) for _ in range(2)]
    assert "Age" not in responses[1].headers
    assert responses[0].headers["X-Request-ID"] != responses[1].headers["X-Request-ID"]
    assert int(responses[0].headers["Content-Length"]) > 0
    assert (responses[0].body == b"") == (method == "HEAD")
    if path == "/t/varying/":
        assert len(urls.received) == 2


def test_uncacheable_response_keeps_its_cookie(cached_client):
    assert "taste=plain" in cached_client.get("/t/public-with-cookie/").headers["Set-Cookie"]


@pytest.mark.parametrize(
    "special",
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
def test_unusual_request_is_answered_by_django(cached_client, special, method):
    cached_client.get("/t/cached/")
    response = cached_client.get("/t/cached/", method, **special)
    assert "Age" not in response.headers
    assert "rendered 1 times" not in response.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_answered_by_django(cached_client, method):
    cached_client.get("/t/cached/")
    assert "Age" not in cached_client.get("/t/cached/", method, CONTENT_LENGTH="0").headers


@pytest.mark.parametrize("cookie", ["theme=dark", "csrf=abc; other=1"])
def test_other_cookies_do_not_change_the_page(cached_client, cookie):
    cached_client.get("/t/cached/", cookie=cookie)
    assert "rendered 1 times" in cached_client.get("/t/cached/").text
    assert urls.received[0].COOKIES == {}


def test_http_and_https_have_separate_entries(cached_client):
    cached_client.get("/t/cached/")
    secure = cached_client.get("/t/cached/", **{"wsgi.url_scheme": "https"})
    assert "rendered 2 times" in secure.text


@pytest.mark.parametrize(
    ("forwarded", "is_secure"),
    [("https", True), ("https, http", True), ("http", False), ("x", False)],
)
def test_scheme_is_taken_from_the_proxy(pages, fresh_cache, settings, forwarded, is_secure):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    visitor = WSGIClient(build_cached_site())
    urls.received.clear()
    visitor.get("/t/cached/", x_forwarded_proto=forwarded)
    assert urls.received[0].is_secure() is is_secure
    visitor.get("/t/cached/")
    assert len(urls.received) == 1 + is_secure


def test_redirect_to_https_does_not_replace_the_https_page(pages, fresh_cache, settings):
    settings.SECURE_SSL_REDIRECT = True
    visitor = WSGIClient(build_cached_site())
    assert visitor.get("/t/cached/", **{"wsgi.url_scheme": "https"}).status == 200
    assert visitor.get("/t/cached/").status == 301


def test_each_version_has_its_own_entries(cached_client, monkeypatch):
    cached_client.get("/t/cached/")
    monkeypatch.setattr("momentverse.page_cache.wsgi.build_version", lambda: "next")
    assert "rendered 2 times" in WSGIClient(build_cached_site()).get("/t/cached/").text


def test_failure_of_django_is_raised(cached_client):
    """And the refresh lock is released, so that the next visitor does not wait."""

    def fail(environ, start_response):
        raise RuntimeError("the worker is stopped")

    django = cached_client.application._application
    cached_client.application._application = fail
    with pytest.raises(RuntimeError):
        cached_client.get("/t/cached/")
    cached_client.application._application = django
    assert cached_client.get("/t/cached/").status == 200


def test_response_of_django_is_closed(cached_client):
    class Chunks(io.BytesIO):
        pass

    chunks: Any = Chunks(b"<p>chunk</p>")
    headers = [("Cache-Control", "public"), ("X-Request-ID", "0"), ("Content-Type", "text/plain")]

    def application(environ, start_response):
        start_response("200 OK", headers)
        return chunks

    cached_client.application._application = application
    assert cached_client.get("/t/cached/").body == b"<p>chunk</p>"
    assert chunks.closed
    chunks = [b"nothing ", b"to close"]
    assert cached_client.get("/t/tiny/").body == b"nothing to close"


@pytest.mark.parametrize("stored", [b"", b"no entry", b"no json\nbody", b"[1]\nbody", b"{}\nbody"])
def test_invalid_entry_is_rejected(stored):
    with pytest.raises(ValueError, match=r"."):
        deserialize(stored)


def test_prefetched_requests_are_answered_and_counted_once(cached_client):
    cached_client.get("/t/cached/")
    environs = [
        cached_client.environ(path)
        for path in ("/t/cached/", "/t/tiny/", "/t/fine/", "/t/cached/?before=1")
    ]
    assert cached_client.application.prefetch(environs) == [True, False, False, False]
    responses = [cached_client.send(environ) for environ in environs]
    assert [response.status for response in responses] == [200] * 4
    assert "rendered 1 times" in responses[0].text
    counted = [
        int(cached_client.get("/t/cached/").headers["RateLimit-Remaining"]) for _ in range(2)
    ]
    assert counted[0] == int(responses[0].headers["RateLimit-Remaining"]) - 4
    assert counted[1] == counted[0] - 1


def test_request_over_the_limit_is_no_hit(cached_client, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    cached_client.get("/t/cached/")
    environ = cached_client.environ("/t/cached/")
    assert cached_client.application.prefetch([environ]) == [False]
    assert cached_client.send(environ).status == 429


@pytest.mark.parametrize(
    ("head", "is_worth"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", True),
        (b"HEAD / HTTP/1.1\r\nCookie: taste=plain\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nCookie: taste=plain; SESSION=x\r\n\r\n", False),
    ],
)
def test_only_get_and_head_without_session_are_worth_prefetching(
    cached_client, settings, head, is_worth
):
    head = head.replace(b"SESSION", settings.SESSION_COOKIE_NAME.encode())
    assert cached_client.application.is_for_everybody(head) is is_worth
