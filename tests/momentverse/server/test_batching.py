"""Batches of requests: each request gets its own response, also under load, faults and slow clients."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import brotli
import pytest

from tests.momentverse.conftest import served_pages
from tests.support.servers import gunicorn, http_get, site_environment, valkey

PAGES = [f"/t/cached/?before={number}" for number in range(8)]
HEAD = "GET {} HTTP/1.1\r\nHost: {}\r\n"
# An application whose `prefetch` fails, or makes the prefetched requests fail.
FAILING_APPLICATION = """
def application(environ, start_response):
    if environ.pop("momentverse.breaks", False):
        raise RuntimeError("over a prefetched response")
    start_response("200 OK", [("Content-Length", "5")])
    return [b"alone"]

application = type("Application", (), {
    "__call__": staticmethod(application),
    "is_for_everybody": staticmethod(lambda head: head.startswith(b"GET")),
    "prefetch": staticmethod(PREFETCH),
})()
"""


STORES = pytest.mark.parametrize("stores", ["in-the-process", "in-redis", "counted-elsewhere"])


def build_redis_settings(stores, redis):
    """Return the environment of a site whose cached pages and rate limits are in these stores."""
    return {
        "in-the-process": {},
        "in-redis": {"REDIS_URL": redis.url},
        "counted-elsewhere": {
            "REDIS_URL": redis.url,
            "LIMITS_REDIS_URL": f"{redis.url[:-1]}1",
        },
    }[stores]


@pytest.fixture(scope="module", params=STORES.args[1])
def _site(request, tmp_path_factory):
    """A site and a Redis that are shared by all tests which do not stop or change them."""
    folder = tmp_path_factory.mktemp("site")
    with (
        valkey() as redis,
        served_pages(folder, WEB_THREADS="1", **build_redis_settings(request.param, redis)) as site,
    ):
        yield site


@pytest.fixture
def site(_site):
    _site.log_start = len(_site.log.read_text())
    return _site


def read_log(site):
    """Return what the site has logged during this test."""
    return site.log.read_text()[site.log_start :]


@pytest.fixture
def new_site(stores, serve, own_valkey):
    """A site and a Redis that only this test uses."""
    with serve(WEB_THREADS="1", **build_redis_settings(stores, own_valkey)) as site:
        yield site


@pytest.fixture
def connect(site):
    """Return a function that connects a client and sends bytes."""
    with ExitStack() as clients:

        def connect(data=b"", receive_buffer=0):
            host, port = site.environment["BIND"].split(":")
            client = socket.socket()
            if receive_buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(30)
            client.connect((host, int(port)))
            clients.enter_context(client)
            client.sendall(data)
            return client

        yield connect


def build_request(site, path, *header_lines):
    return (
        HEAD.format(path, site.environment["BIND"])
        + "".join(f"{line}\r\n" for line in header_lines)
    ).encode() + b"\r\n"


def read_to_end(client):
    """Return everything that the server sends until it closes the connection."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def decode_body(content):
    """Decompress a body, unless it is plain HTML."""
    return brotli.decompress(content) if content[:1] != b"<" else content


def test_it_works(site):
    """Sixteen visitors at once reuse their connections, with different pages, encodings and methods."""

    def visit(number):
        connection = http.client.HTTPConnection(site.environment["BIND"], timeout=30)
        ids = set()
        for turn in range(40):
            path = PAGES[(number + turn) % len(PAGES)]
            method = "HEAD" if turn % 5 == 4 else "GET"
            headers = {"Accept-Encoding": "br"} if number % 2 else {}
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            content = response.read()
            assert response.status == 200
            if method == "HEAD":
                assert content == b""
            else:
                assert f"query {path.partition('?')[2]}<" in decode_body(content).decode()
            ids.add(response.headers["X-Request-ID"])
        connection.close()
        return ids

    with ThreadPoolExecutor(16) as visitors:
        ids = list(visitors.map(visit, range(16)))
    assert len(set.union(*ids)) == 16 * 40
    assert "ERROR" not in read_log(site)


@STORES
def test_every_request_is_counted_once(new_site, stores):
    """Whether its page is cached, is rendered and cached, or cannot be cached."""
    remaining = [
        int(http_get(new_site.url + path).headers["RateLimit-Remaining"])
        for path in [*PAGES, *PAGES, "/t/fine/", "/t/fine/"]
    ]
    assert remaining == list(range(remaining[0], remaining[0] - len(remaining), -1))


def test_cached_page_needs_no_other_thread(site, connect):
    """The only other thread waits for a large body that does not arrive."""
    expected = http_get(site.url + PAGES[0]).text
    upload = connect(
        b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    )
    assert upload.recv(65536).startswith(b"HTTP/1.1 100 Continue")
    waiting = connect(build_request(site, "/t/fine/"))
    for _ in range(5):
        assert http_get(site.url + PAGES[0]).text == expected
    waiting.setblocking(False)
    with pytest.raises(BlockingIOError):
        waiting.recv(1)


def test_client_that_does_not_read_does_not_delay_others(site, connect):
    """It gets all its responses, complete and in order, as soon as it reads."""
    http_get(f"{site.url}/t/large-cached/")
    number = 40
    request = build_request(site, "/t/large-cached/")
    client = connect(
        request * (number - 1) + build_request(site, "/t/large-cached/", "Connection: close"), 4096
    )
    for _ in range(20):
        assert http_get(f"{site.url}/t/large-cached/").status == 200
    responses = read_to_end(client).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert len(responses) == number
    assert len({response.partition(b"\r\n\r\n")[2] for response in responses}) == 1


def test_pipelined_requests_are_answered_in_order(site, connect):
    for page in PAGES[::2]:
        http_get(site.url + page)  # every second page is cached
    paths = [*PAGES, "/t/nowhere/", *PAGES, "/t/fine/"]
    client = connect(
        b"".join(build_request(site, path) for path in paths[:-1])
        + build_request(site, paths[-1], "Connection: close")
    )
    responses = re.findall(
        rb"HTTP/1.1 (\d+).*?\r\n\r\n.*?(?:query (\S*?)<|(?=HTTP)|$)", read_to_end(client), re.DOTALL
    )
    assert [int(status) for status, _ in responses] == [*[200] * 8, 404, *[200] * 9]
    assert [query.decode() for _, query in responses if query] == [
        page.partition("?")[2] for page in [*PAGES, *PAGES]
    ]


def test_matching_etag_gets_304(site):
    first = http_get(site.url + PAGES[0])
    again = http_get(site.url + PAGES[0], **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_connection_close_is_respected(site, connect):
    http_get(site.url + PAGES[0])
    response = read_to_end(connect(build_request(site, PAGES[0], "Connection: close")))
    assert b"\r\nConnection: close\r\n" in response
    assert response.endswith(b"</p>")


def test_malformed_request_is_refused(site, connect):
    http_get(site.url + PAGES[0])
    bad = connect(build_request(site, PAGES[0], "Na me: x"))
    assert read_to_end(bad).startswith(b"HTTP/1.1 400")
    assert http_get(site.url + PAGES[0]).status == 200


def test_expected_100_continue_is_sent(site, connect):
    http_get(site.url + PAGES[0])
    client = connect(build_request(site, PAGES[0], "Content-Length: 2", "Expect: 100-continue"))
    assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"ab" + build_request(site, "/t/nowhere/", "Connection: close"))
    responses = read_to_end(client)
    assert responses.index(b"HTTP/1.1 200") < responses.index(b"HTTP/1.1 404")


def test_client_over_the_rate_limit_gets_429(serve):
    with serve(RATE_LIMIT_PER_MINUTE="3") as site:
        responses = [http_get(site.url + PAGES[0]) for _ in range(5)]
    assert [response.status for response in responses] == [200] * 3 + [429] * 2
    assert responses[-1].headers["Retry-After"]


@STORES
def test_requests_are_answered_while_redis_hangs(new_site, stores, own_valkey):
    http_get(new_site.url + PAGES[0])
    own_valkey.pause()
    with ThreadPoolExecutor(16) as visitors:
        responses = list(visitors.map(lambda _: http_get(new_site.url + PAGES[0]), range(64)))
    assert {response.status for response in responses} == {200}


def test_client_that_disconnects_causes_no_error(site, connect):
    http_get(site.url + PAGES[0])
    for _ in range(20):
        connect(build_request(site, PAGES[0]) * 3).close()
    assert http_get(site.url + PAGES[0]).status == 200
    assert "ERROR" not in read_log(site)


@pytest.mark.parametrize(
    "prefetch",
    [
        "lambda environs: 1 / 0",
        "lambda environs: [environ.update({'momentverse.breaks': True}) or True for environ in environs]",
    ],
    ids=["over-all", "over-one"],
)
def test_error_in_prefetch_loses_no_request(tmp_path, prefetch):
    (tmp_path / "failing.py").write_text(FAILING_APPLICATION.replace("PREFETCH", prefetch))
    with gunicorn(site_environment(tmp_path), "failing", tmp_path) as site:
        barrier = threading.Barrier(8)

        def visit(_):
            barrier.wait()
            return http_get(f"{site.url}/").text

        with ThreadPoolExecutor(8) as visitors:
            assert list(visitors.map(visit, range(8))) == ["alone"] * 8
        assert "one by one" in site.log.read_text()


def test_application_without_prefetch_is_served(tmp_path):
    (tmp_path / "plain.py").write_text(
        FAILING_APPLICATION.replace("is_for_everybody", "other").replace("PREFETCH", "None")
    )
    with gunicorn(site_environment(tmp_path), "plain", tmp_path) as site:
        assert http_get(f"{site.url}/").text == "alone"
