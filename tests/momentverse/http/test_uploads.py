"""Forms with files that are too large are rejected before they are read."""

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


def test_form_within_the_limit_is_accepted(client, db, settings):
    settings.UPLOAD_MAX_BYTES = 2 * MEGABYTE
    response = client.post("/accounts/login/", multipart(MEGABYTE), content_type=MULTIPART)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("length", "status"),
    [(b"Content-Length: 1000000000", b"400"), (b"Transfer-Encoding: chunked", b"200")],
    ids=["length", "chunked"],
)
def test_large_body_is_not_read(serve, length, status):
    """Edge case 20: the response comes before the body. A body without a length counts as empty."""
    with serve() as site:
        host, port = site.environment["BIND"].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(
                b"POST /t/form-exempt/ HTTP/1.1\r\nHost: 127.0.0.1\r\n" + length
                + f"\r\nContent-Type: {MULTIPART}\r\n\r\n".encode()
            )  # fmt: skip
            assert connection.recv(4096).split()[1] == status
