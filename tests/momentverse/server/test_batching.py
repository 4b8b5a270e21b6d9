"""Requests that come together are answered together, each with its own answer, whatever else is going on."""

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
# An application that can look ahead, but fails over it, or over what it has found at hand.
FAILING = """
def application(environ, start_response):
    if environ.pop("momentverse.breaks", False):
        raise RuntimeError("over what was at hand")
    start_response("200 OK", [("Content-Length", "5")])
    return [b"alone"]

application = type("Application", (), {
    "__call__": staticmethod(application),
    "is_for_everybody": staticmethod(lambda head: head.startswith(b"GET")),
    "prefetch": staticmethod(LOOK_AHEAD),
})()
"""


STORES = pytest.mark.parametrize("stores", ["in-the-process", "in-redis", "counted-elsewhere"])


def addresses(stores, redis):
    """Return where a site keeps pages and counts, as its environment says it."""
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
    """A site, and a Redis that nobody stops, for all tests that leave both as they were."""
    folder = tmp_path_factory.mktemp("site")
    with (
        valkey() as redis,
        served_pages(folder, WEB_THREADS="1", **addresses(request.param, redis)) as site,
    ):
        yield site


@pytest.fixture
def site(_site):
    _site.logged_before = len(_site.log.read_text())
    return _site


def logged(site):
    """Return what a site has logged in this test."""
    return site.log.read_text()[site.logged_before :]


@pytest.fixture
def new_site(stores, serve, own_valkey):
    """A site, and a Redis, of the test's own."""
    with serve(WEB_THREADS="1", **addresses(stores, own_valkey)) as site:
        yield site


@pytest.fixture
def connect(site):
    """Return a function that connects a client and sends these bytes."""
    with ExitStack() as open_ones:

        def connect(sent=b"", receive_buffer=0):
            host, port = site.environment["BIND"].split(":")
            client = socket.socket()
            if receive_buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            client.settimeout(30)
            client.connect((host, int(port)))
            open_ones.enter_context(client)
            client.sendall(sent)
            return client

        yield connect


def head(site, path, *lines):
    return (
        HEAD.format(path, site.environment["BIND"]) + "".join(f"{line}\r\n" for line in lines)
    ).encode() + b"\r\n"


def read(client):
    """Return everything until the server closes."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def body(answer):
    return brotli.decompress(answer) if answer[:1] != b"<" else answer


def test_it_works(site):
    """Sixteen visitors at once over kept connections, each for its own page, form and method."""

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
                assert f"query {path.partition('?')[2]}<" in body(content).decode()
            ids.add(response.headers["X-Request-ID"])
        connection.close()
        return ids

    with ThreadPoolExecutor(16) as visitors:
        ids = list(visitors.map(visit, range(16)))
    assert len(set.union(*ids)) == 16 * 40
    assert "ERROR" not in logged(site)


@STORES
def test_each_is_counted_once(new_site, stores):
    """Whether its page is at hand, is made for it, or is nobody's to keep."""
    left = [
        int(http_get(new_site.url + path).headers["RateLimit-Remaining"])
        for path in [*PAGES, *PAGES, "/t/fine/", "/t/fine/"]
    ]
    assert left == list(range(left[0], left[0] - len(left), -1))


def test_what_is_at_hand_needs_none_of_the_other_threads(site, connect):
    """The only one of them waits for a large body that does not come."""
    made = http_get(site.url + PAGES[0]).text
    upload = connect(
        b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n"
    )
    assert upload.recv(65536).startswith(b"HTTP/1.1 100 Continue")
    waiting = connect(head(site, "/t/fine/"))
    for _ in range(5):
        assert http_get(site.url + PAGES[0]).text == made
    waiting.setblocking(False)
    with pytest.raises(BlockingIOError):
        waiting.recv(1)


def test_a_client_that_does_not_read_holds_nobody_up(site, connect):
    """It gets all that it has asked for as soon as it reads, in order, byte by byte."""
    http_get(f"{site.url}/t/large-cached/")
    number = 40
    request = head(site, "/t/large-cached/")
    client = connect(
        request * (number - 1) + head(site, "/t/large-cached/", "Connection: close"), 4096
    )
    for _ in range(20):
        assert http_get(f"{site.url}/t/large-cached/").status == 200
    answers = read(client).split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert len(answers) == number
    assert len({answer.partition(b"\r\n\r\n")[2] for answer in answers}) == 1


def test_what_is_asked_in_one_breath_is_answered_in_order(site, connect):
    for page in PAGES[::2]:
        http_get(site.url + page)  # so that every second one is at hand
    asked = [*PAGES, "/t/nowhere/", *PAGES, "/t/fine/"]
    client = connect(
        b"".join(head(site, path) for path in asked[:-1])
        + head(site, asked[-1], "Connection: close")
    )
    answers = re.findall(
        rb"HTTP/1.1 (\d+).*?\r\n\r\n.*?(?:query (\S*?)<|(?=HTTP)|$)", read(client), re.DOTALL
    )
    assert [int(status) for status, _ in answers] == [*[200] * 8, 404, *[200] * 9]
    assert [query.decode() for _, query in answers if query] == [
        page.partition("?")[2] for page in [*PAGES, *PAGES]
    ]


def test_who_has_it_gets_304(site):
    first = http_get(site.url + PAGES[0])
    again = http_get(site.url + PAGES[0], **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_who_asks_to_close_is_closed(site, connect):
    http_get(site.url + PAGES[0])
    answer = read(connect(head(site, PAGES[0], "Connection: close")))
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(b"</p>")


def test_what_is_no_request_is_refused(site, connect):
    http_get(site.url + PAGES[0])
    bad = connect(head(site, PAGES[0], "Na me: x"))
    assert read(bad).startswith(b"HTTP/1.1 400")
    assert http_get(site.url + PAGES[0]).status == 200


def test_who_waits_to_be_told_is_told(site, connect):
    http_get(site.url + PAGES[0])
    client = connect(head(site, PAGES[0], "Content-Length: 2", "Expect: 100-continue"))
    assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"ab" + head(site, "/t/nowhere/", "Connection: close"))
    answers = read(client)
    assert answers.index(b"HTTP/1.1 200") < answers.index(b"HTTP/1.1 404")


def test_who_is_over_the_limit_is_told(serve):
    with serve(RATE_LIMIT_PER_MINUTE="3") as site:
        answers = [http_get(site.url + PAGES[0]) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 3 + [429] * 2
    assert answers[-1].headers["Retry-After"]


@STORES
def test_while_redis_hangs_all_are_answered(new_site, stores, own_valkey):
    http_get(new_site.url + PAGES[0])
    own_valkey.pause()
    with ThreadPoolExecutor(16) as visitors:
        answers = list(visitors.map(lambda _: http_get(new_site.url + PAGES[0]), range(64)))
    assert {answer.status for answer in answers} == {200}


def test_who_goes_away_is_forgotten(site, connect):
    http_get(site.url + PAGES[0])
    for _ in range(20):
        connect(head(site, PAGES[0]) * 3).close()
    assert http_get(site.url + PAGES[0]).status == 200
    assert "ERROR" not in logged(site)


@pytest.mark.parametrize(
    "look_ahead",
    [
        "lambda environs: 1 / 0",
        "lambda environs: [environ.update({'momentverse.breaks': True}) or True for environ in environs]",
    ],
    ids=["over-all", "over-one"],
)
def test_a_fault_in_looking_ahead_loses_nobody(tmp_path, look_ahead):
    (tmp_path / "failing.py").write_text(FAILING.replace("LOOK_AHEAD", look_ahead))
    with gunicorn(site_environment(tmp_path), "failing", tmp_path) as site:
        barrier = threading.Barrier(8)

        def visit(_):
            barrier.wait()
            return http_get(f"{site.url}/").text

        with ThreadPoolExecutor(8) as visitors:
            assert list(visitors.map(visit, range(8))) == ["alone"] * 8
        assert "one by one" in site.log.read_text()


def test_an_application_that_does_not_look_ahead_is_served(tmp_path):
    (tmp_path / "plain.py").write_text(
        FAILING.replace("is_for_everybody", "other").replace("LOOK_AHEAD", "None")
    )
    with gunicorn(site_environment(tmp_path), "plain", tmp_path) as site:
        assert http_get(f"{site.url}/").text == "alone"
