"""Which requests gunicorn rejects, what it logs, and how it stops."""

import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.momentverse.conftest import served_pages
from tests.support.servers import http_get, wait_until


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site for all tests that do not stop it."""
    with served_pages(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def new_site(serve):
    """A site that the test may stop."""
    with serve() as site:
        yield site


def send_raw(site, request):
    """Send bytes, and return the status line of the response."""
    host, port = site.environment["BIND"].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(4096).split(b"\r\n")[0].decode()


def test_it_works(site):
    assert http_get(f"{site.url}/t/fine/").status == 200
    assert f"MomentVerse is at {site.url}" in site.log.read_text()


def test_headers_cannot_change_the_path(site):
    """SCRIPT_NAME and PATH_INFO from headers would get foreign paths into links and caches."""
    response = http_get(f"{site.url}/t/script-name/", SCRIPT_NAME="/evil", PATH_INFO="/evil/")
    assert response.text == "|/t/script-name/"


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /t/fine/?" + b"q" * 10_000 + b" HTTP/1.1",
        b"GET /t/\x00 HTTP/1.1",
        b"GET  HTTP/1.1",
        b"nonsense",
    ],
)
def test_malformed_requests_are_4xx(site, request_line):
    status = send_raw(site, request_line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert status.split()[1].startswith("4"), status


def test_two_lengths_are_rejected(site):
    head = b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    lengths = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert send_raw(site, head + lengths).split()[1].startswith("4")


def test_killed_worker_is_replaced_and_logged_as_json(new_site):
    first = http_get(f"{new_site.url}/t/process/").text
    os.kill(int(first), signal.SIGKILL)
    wait_until(lambda: "gunicorn.error" in new_site.log.read_text(), "gunicorn has noticed")
    assert http_get(f"{new_site.url}/t/process/").text != first
    (line,) = [
        line
        for line in map(json.loads, new_site.log.read_text().splitlines()[1:])
        if line["logger"] == "gunicorn.error"
    ]
    assert line["level"] == "ERROR"
    assert first in line["message"]


def test_graceful_stop_loses_no_request(new_site):
    with ThreadPoolExecutor(4) as pool:
        requests = [pool.submit(http_get, f"{new_site.url}/t/fine/") for _ in range(20)]
        responses = [request.result() for request in requests]
        new_site.process.send_signal(signal.SIGTERM)
    assert {response.status for response in responses} == {200}
    assert new_site.process.wait(timeout=25) == 0
