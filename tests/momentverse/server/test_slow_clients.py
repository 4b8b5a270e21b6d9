"""Clients that send, read or close slowly block neither threads nor the event loop."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from tests.momentverse.conftest import served_pages
from tests.support.servers import http_get

SLOW_CLIENTS = 50
GET = b"GET /t/fine/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = (
    b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
)


@pytest.fixture(scope="module", params=["momentverse.server.batching.BatchingWorker"], ids=["ours"])
def _site(request, tmp_path_factory):
    """A site with the class of worker that is the parameter."""
    arguments = f"--worker-class={request.param}"
    folder = tmp_path_factory.mktemp("site")
    with served_pages(folder, WEB_THREADS="2", GUNICORN_CMD_ARGS=arguments) as site:
        yield site


@pytest.fixture
def site(_site):
    """The site that all tests of one class of worker share. Each test closes its connections."""
    _site.log_start = len(_site.log.read_text())
    return _site


IMPATIENT = pytest.mark.parametrize(
    "_site", ["tests.support.impatient_worker.ImpatientWorker"], ids=["impatient"], indirect=True
)


@pytest.fixture
def connect_slow_clients(site):
    """Return a function that connects clients which send some bytes and then nothing more."""
    host, port = site.environment["BIND"].split(":")
    with ExitStack() as connections:

        def connect(data, number=SLOW_CLIENTS):
            clients = []
            for _ in range(number):
                client = socket.create_connection((host, int(port)), timeout=30)
                clients.append(connections.enter_context(client))
                client.sendall(data)
            return clients

        yield connect


def are_unanswered(clients):
    """Return whether the server has neither sent anything to a client nor closed a connection."""
    for client in clients:
        client.setblocking(False)
        try:
            client.recv(1)
        except BlockingIOError:
            continue
        finally:
            client.settimeout(30)
        return False
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        GET + b"X-Slow: ",
        POST + b"Content-Length: 100\r\n\r\ntext=",
    ],
    ids=["nothing", "a-letter", "half-a-head", "half-a-form"],
)
def test_other_clients_are_answered_meanwhile(site, connect_slow_clients, sent):
    """In gunicorn's own worker, 50 such clients block both threads until their timeout."""
    clients = connect_slow_clients(sent)
    for _ in range(20):
        assert http_get(f"{site.url}/t/fine/").status == 200
    assert are_unanswered(clients)


def test_large_bodies_take_only_half_of_the_threads(site, connect_slow_clients):
    clients = connect_slow_clients(POST + b"Content-Length: 500000\r\n\r\ntext=")
    for _ in range(20):
        assert http_get(f"{site.url}/t/fine/").status == 200
    assert are_unanswered(clients)


def is_open_at_the_server(client):
    """Return whether the server still reads from a connection that it has shut down for writing."""
    try:
        for _ in range(100):  # if it is closed, the first byte triggers a reset
            client.sendall(b"x")
    except OSError:
        return False
    return True


def test_client_that_does_not_close_does_not_delay_others(site, connect_slow_clients):
    """gunicorn's own loop waits 2 s for each. Here the last is answered while the first still lingers."""

    def do_all_linger_at_once():
        clients = connect_slow_clients(GET + b"Connection: close\r\n\r\n")
        for client in clients:
            assert b"".join(iter(lambda: client.recv(65536), b"")).startswith(b"HTTP/1.1 200")  # noqa: B023
        return is_open_at_the_server(clients[0])

    # On a busy machine the first may time out before the last is answered, but not five times.
    assert any(do_all_linger_at_once() for _ in range(5))


def test_request_in_pieces_is_answered(site, connect_slow_clients):
    pieces = [GET[:7], GET[7:], b"Connection: clo", b"se\r\n\r", b"\n"]
    (client, *_) = connect_slow_clients(pieces[0])
    for piece in pieces[1:]:
        http_get(f"{site.url}/t/fine/")
        client.sendall(piece)
    assert client.recv(12) == b"HTTP/1.1 200"


def test_form_in_pieces_is_read_completely(site, connect_slow_clients):
    (client, *_) = connect_slow_clients(POST + b"Connection: close\r\nContent-Length: 10\r\n\r\nte")
    http_get(f"{site.url}/t/fine/")
    client.sendall(b"xt=hello")
    response = b"".join(iter(lambda: client.recv(65536), b""))
    assert response.endswith(b"\r\n\r\n5")


def test_large_body_is_read_completely(site, connect_slow_clients):
    text = b"x" * 300_000
    (client, *_) = connect_slow_clients(
        POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (5 + len(text))
    )
    client.sendall(b"text=" + text)
    response = b"".join(iter(lambda: client.recv(65536), b""))
    assert response.endswith(b"\r\n\r\n300000")


def test_chunked_body_is_read_completely(site, connect_slow_clients):
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    (client, *_) = connect_slow_clients(head + b"5\r\ntext=\r\n")
    client.sendall(b"3\r\nabc\r\n0\r\n\r\n")
    assert client.recv(12) == b"HTTP/1.1 200"


def test_expected_100_continue_is_sent(site, connect_slow_clients):
    (client, *_) = connect_slow_clients(POST + b"Expect: 100-continue\r\nContent-Length: 7\r\n\r\n")
    assert client.recv(65536).startswith(b"HTTP/1.1 100 Continue")
    client.sendall(b"text=ab")
    assert b"HTTP/1.1 200" in client.recv(65536)


def test_pipelined_requests_are_answered_in_order(site, connect_slow_clients):
    (client, *_) = connect_slow_clients(
        GET + b"\r\n" + GET.replace(b"fine", b"nowhere") + b"Connection: close\r\n\r\n"
    )
    response = b"".join(iter(lambda: client.recv(65536), b""))
    assert response.index(b"HTTP/1.1 200") < response.index(b"HTTP/1.1 404")


def test_part_of_a_second_request_blocks_no_thread(site, connect_slow_clients):
    clients = connect_slow_clients(GET + b"\r\n" + GET)
    for client in clients:
        assert client.recv(12) == b"HTTP/1.1 200"
    for _ in range(20):
        assert http_get(f"{site.url}/t/fine/").status == 200
    clients[0].sendall(b"Connection: close\r\n\r\n")
    response = b"".join(iter(lambda: clients[0].recv(65536), b""))
    assert response.count(b"HTTP/1.1 200") == 1


def test_endless_head_is_refused(site, connect_slow_clients):
    (client, *_) = connect_slow_clients(b"")
    client.sendall(GET + b"X: " + b"y" * 70_000)
    assert client.recv(12) == b"HTTP/1.1 431"


def test_client_that_disconnects_causes_no_error(site, connect_slow_clients):
    for client in connect_slow_clients(GET):
        client.close()
    assert http_get(f"{site.url}/t/fine/").status == 200
    assert "ERROR" not in site.log.read_text()[site.log_start :]


@IMPATIENT
@pytest.mark.parametrize("sent", [b"", GET, POST + b"Content-Length: 9\r\n\r\n"])
def test_incomplete_request_times_out(site, connect_slow_clients, sent):
    for client in connect_slow_clients(sent):
        assert client.recv(1) == b""
    assert http_get(f"{site.url}/t/fine/").status == 200


@IMPATIENT
def test_endless_large_bodies_time_out_so_that_the_next_one_is_read(site, connect_slow_clients):
    clients = connect_slow_clients(POST + b"Content-Length: 500000\r\n\r\ntext=", 3)
    (last,) = connect_slow_clients(
        POST + b"Content-Length: 200000\r\n\r\ntext=" + b"x" * 199_995, 1
    )
    assert last.recv(12) == b"HTTP/1.1 200"
    # An incomplete body is never treated as complete.
    assert {client.recv(12) for client in clients} == {b"HTTP/1.1 400"}


def test_large_body_that_breaks_off_is_refused(site, connect_slow_clients):
    (client,) = connect_slow_clients(
        POST + b"Content-Length: 500000\r\n\r\ntext=" + b"x" * 100_000, 1
    )
    client.shutdown(socket.SHUT_WR)
    assert client.recv(12) == b"HTTP/1.1 400"
