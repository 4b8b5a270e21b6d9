"""Clients that send, read or close slowly hold no thread and no loop: others are answered before them."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from tests.support.servers import http_get

SLOW = 50
GET = b"GET /t/fine/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = (
    b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
)


@pytest.fixture
def worker():
    """The worker's class; a test may ask for another."""
    return "momentverse.server.batching.BatchingWorker"


@pytest.fixture
def site(serve, worker):
    with serve(WEB_THREADS="2", GUNICORN_CMD_ARGS=f"--worker-class={worker}") as site:
        yield site


IMPATIENT = pytest.mark.parametrize(
    "worker", ["tests.support.impatient_worker.ImpatientWorker"], ids=["impatient"]
)


@pytest.fixture
def slow(site):
    """Return a function that connects clients which send these bytes, and then nothing."""
    host, port = site.environment["BIND"].split(":")
    with ExitStack() as open_ones:

        def connect(sent, number=SLOW):
            clients = []
            for _ in range(number):
                client = socket.create_connection((host, int(port)), timeout=30)
                clients.append(open_ones.enter_context(client))
                client.sendall(sent)
            return clients

        yield connect


def answers_wait(clients):
    """Tell whether no client has been sent anything, not even the end."""
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
def test_others_are_answered_first(site, slow, sent):
    """With gunicorn's own worker 50 of them hold both threads until they are timed out."""
    clients = slow(sent)
    for _ in range(20):
        assert http_get(f"{site.url}/t/fine/").status == 200
    assert answers_wait(clients)


def test_a_large_body_may_take_half_of_the_threads(site, slow):
    clients = slow(POST + b"Content-Length: 500000\r\n\r\ntext=")
    for _ in range(20):
        assert http_get(f"{site.url}/t/fine/").status == 200
    assert answers_wait(clients)


def is_open_at_the_server(client):
    """Tell whether the server still listens to a client that it has said goodbye to."""
    try:
        for _ in range(100):  # to a closed one, the first of them brings back a reset
            client.sendall(b"x")
    except OSError:
        return False
    return True


def test_who_does_not_close_holds_nobody_up(site, slow):
    """gunicorn's own loop waits 2 seconds for each; here the last is answered while the first lingers."""

    def all_linger_at_once():
        clients = slow(GET + b"Connection: close\r\n\r\n")
        for client in clients:
            assert b"".join(iter(lambda: client.recv(65536), b"")).startswith(b"HTTP/1.1 200")  # noqa: B023
        return is_open_at_the_server(clients[0])

    # A busy machine may spend the first one's seconds otherwise, but not five times.
    assert any(all_linger_at_once() for _ in range(5))


def test_a_request_that_comes_in_pieces_is_answered(site, slow):
    pieces = [GET[:7], GET[7:], b"Connection: clo", b"se\r\n\r", b"\n"]
    (client, *_) = slow(pieces[0])
    for piece in pieces[1:]:
        http_get(f"{site.url}/t/fine/")
        client.sendall(piece)
    assert client.recv(12) == b"HTTP/1.1 200"


def test_a_form_that_comes_in_pieces_is_read_whole(site, slow):
    (client, *_) = slow(POST + b"Connection: close\r\nContent-Length: 10\r\n\r\nte")
    http_get(f"{site.url}/t/fine/")
    client.sendall(b"xt=hello")
    answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\n5")


def test_a_large_body_is_read_whole(site, slow):
    text = b"x" * 300_000
    (client, *_) = slow(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (5 + len(text)))
    client.sendall(b"text=" + text)
    answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.endswith(b"\r\n\r\n300000")


def test_a_chunked_body_is_read_whole(site, slow):
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    (client, *_) = slow(head + b"5\r\ntext=\r\n")
    client.sendall(b"3\r\nabc\r\n0\r\n\r\n")
    assert client.recv(12) == b"HTTP/1.1 200"


def test_who_waits_to_be_told_is_told(site, slow):
    (client, *_) = slow(POST + b"Expect: 100-continue\r\nContent-Length: 7\r\n\r\n")
    assert client.recv(65536).startswith(b"HTTP/1.1 100 Continue")
    client.sendall(b"text=ab")
    assert b"HTTP/1.1 200" in client.recv(65536)


def test_requests_sent_together_are_answered_in_order(site, slow):
    (client, *_) = slow(
        GET + b"\r\n" + GET.replace(b"fine", b"nowhere") + b"Connection: close\r\n\r\n"
    )
    answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.index(b"HTTP/1.1 200") < answer.index(b"HTTP/1.1 404")


def test_part_of_a_second_request_holds_no_thread(site, slow):
    clients = slow(GET + b"\r\n" + GET)
    for client in clients:
        assert client.recv(12) == b"HTTP/1.1 200"
    for _ in range(20):
        assert http_get(f"{site.url}/t/fine/").status == 200
    clients[0].sendall(b"Connection: close\r\n\r\n")
    answer = b"".join(iter(lambda: clients[0].recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200") == 1


def test_a_head_without_end_is_refused(site, slow):
    (client, *_) = slow(b"")
    client.sendall(GET + b"X: " + b"y" * 70_000)
    assert client.recv(12) == b"HTTP/1.1 431"


def test_who_goes_away_is_forgotten(site, slow):
    for client in slow(GET):
        client.close()
    assert http_get(f"{site.url}/t/fine/").status == 200
    assert "ERROR" not in site.log.read_text()


@IMPATIENT
@pytest.mark.parametrize("sent", [b"", GET, POST + b"Content-Length: 9\r\n\r\n"])
def test_who_never_comes_to_an_end_is_left(site, slow, sent):
    for client in slow(sent):
        assert client.recv(1) == b""
    assert http_get(f"{site.url}/t/fine/").status == 200


@IMPATIENT
def test_a_large_body_without_end_is_given_up_so_that_the_next_one_is_read(site, slow):
    clients = slow(POST + b"Content-Length: 500000\r\n\r\ntext=", 3)
    (last,) = slow(POST + b"Content-Length: 200000\r\n\r\ntext=" + b"x" * 199_995, 1)
    assert last.recv(12) == b"HTTP/1.1 200"
    # Never taken for a whole one.
    assert {client.recv(12) for client in clients} == {b"HTTP/1.1 400"}


def test_a_large_body_that_breaks_off_is_no_whole_one(site, slow):
    (client,) = slow(POST + b"Content-Length: 500000\r\n\r\ntext=" + b"x" * 100_000, 1)
    client.shutdown(socket.SHUT_WR)
    assert client.recv(12) == b"HTTP/1.1 400"
