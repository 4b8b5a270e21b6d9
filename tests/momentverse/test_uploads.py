"""Bodies with files: refused by their length, before they are read."""

from __future__ import annotations

import socket

import pytest

BOUNDARY = "momentverse"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"
MEGABYTE = 1024 * 1024


def multipart(size: int) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head.encode() + b"x" * size + f"\r\n--{BOUNDARY}--\r\n".encode()


def test_it_works(client, db, settings):
    settings.UPLOAD_MAX_BYTES = 2 * MEGABYTE
    response = client.post("/accounts/login/", multipart(3 * MEGABYTE), content_type=MULTIPART)
    assert response.status_code == 400
    assert "too large: 2 MB at most" in response.text


def test_what_is_short_enough_passes(client, db, settings):
    settings.UPLOAD_MAX_BYTES = 2 * MEGABYTE
    response = client.post("/accounts/login/", multipart(MEGABYTE), content_type=MULTIPART)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "length",
    [b"Content-Length: 1000000000", b"Transfer-Encoding: chunked"],
    ids=["told", "chunked"],
)
def test_a_gigabyte_is_not_read(serve, length):
    """EDGE_CASES 20: answered at once, and what is still being sent is not waited for."""
    with serve() as site:
        host, port = site.environment["BIND"].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(
                b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + length
                + f"\r\nContent-Type: {MULTIPART}\r\n\r\n".encode()
            )  # fmt: skip
            piece = multipart(MEGABYTE)
            if b"chunked" in length:
                piece = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
            sent = 0
            try:
                while sent < 300 * MEGABYTE:
                    connection.sendall(piece)
                    sent += len(piece)
            except ConnectionError:
                pass
            assert sent < 100 * MEGABYTE
