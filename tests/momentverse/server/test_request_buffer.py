"""How much of a request must arrive before a thread handles it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from momentverse.server.worker import GATHERED_BODY_BYTES, MAX_HEAD_BYTES, Gathered

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*headers, body=b""):
    return (
        b"POST / HTTP/1.1\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body
    )


def test_it_works():
    gathered = Gathered()
    for byte in GET[:-1]:
        gathered.add(bytes([byte]))
        assert not gathered.is_whole()
    gathered.add(GET[-1:])
    assert gathered.is_whole()
    assert not gathered.is_large


def test_form_is_buffered_with_its_body():
    gathered = Gathered(post(b"Content-Length: 4", body=b"a=b"))
    assert not gathered.is_whole()
    gathered.add(b"c")
    assert gathered.is_whole()
    assert not gathered.is_large


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: %d" % (GATHERED_BODY_BYTES + 1),
        b"Transfer-Encoding: chunked",
        b"CONTENT-LENGTH:%d" % 10**17,
    ],
)
def test_large_body_is_left_to_a_thread(header):
    gathered = Gathered(post(header))
    assert gathered.is_whole()
    assert gathered.is_large


def test_body_after_expect_100_continue_is_not_waited_for():
    gathered = Gathered(post(b"Expect: 100-continue", b"Content-Length: 4"))
    assert gathered.is_whole()
    assert not gathered.is_large


@pytest.mark.parametrize("length", [b"-1", b"four", b"4, 4", b""])
def test_invalid_length_is_left_to_the_parser(length):
    assert Gathered(post(b"Content-Length: " + length)).is_whole()


def test_header_in_the_body_is_ignored():
    gathered = Gathered(GET + b"\r\nContent-Length: 500\r\n\r\n")
    assert gathered.is_whole()


def test_endless_head_is_too_large():
    gathered = Gathered(GET[:-2] + b"X: ")
    gathered.add(b"y" * MAX_HEAD_BYTES)
    assert not gathered.is_whole()
    assert gathered.is_too_large()


def test_long_body_does_not_count_as_head():
    body = b"x" * (GATHERED_BODY_BYTES - 1)
    gathered = Gathered(post(b"Content-Length: %d" % GATHERED_BODY_BYTES, body=body))
    assert not gathered.is_whole()
    assert not gathered.is_too_large()


@given(cuts=st.lists(st.integers(0, 80), max_size=5), body=st.binary(max_size=30))
def test_request_in_pieces_is_complete_at_its_last_byte(cuts, body):
    request = post(b"Content-Length: %d" % len(body), body=body)
    gathered = Gathered()
    start = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(request)), len(request)]:
        gathered.add(request[start:cut])
        assert gathered.is_whole() == (cut == len(request))
        start = cut
