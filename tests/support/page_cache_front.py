"""A visitor who asks through the page cache's front, as a WSGI server would on their behalf."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import brotli
import zstandard
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from momentverse.page_cache.wsgi import PageCacheApplication

DECODERS = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": zstandard.decompress,
    None: bytes,
}
# What belongs to one request and not to the page.
REQUEST_HEADERS = {"X-Request-ID", "RateLimit-Remaining", "RateLimit-Reset", "Age"}


@contextmanager
def keep_connections_open() -> Iterator[None]:
    """As Django's test client does it: a test's transaction outlives the request."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> bytes:
        return DECODERS[self.headers.get("Content-Encoding")](self.body)

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    @property
    def of_the_page(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name not in REQUEST_HEADERS}


class Visitor:
    """``visitor.get("/timeline/", accept_encoding="br")``; keyword arguments are request headers."""

    def __init__(self, application: Any, **headers: str) -> None:
        self.application = application
        self.headers = headers

    def get(self, address: str, method: str = "GET", **more: Any) -> Response:
        return self.answer(self.environ(address, method, **more))

    def environ(self, address: str, method: str = "GET", **more: Any) -> dict[str, Any]:
        """Return the request as a server puts it."""
        path, _, query = address.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(more.pop("body", b"")),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "HTTP_HOST": "testserver",
        }
        for name, value in (self.headers | more).items():
            environ[name if name[0].isupper() or "." in name else f"HTTP_{name.upper()}"] = value
        return environ

    def answer(self, environ: dict[str, Any]) -> Response:
        """Have a request answered."""
        answered: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None):
            answered[:] = status, headers

        with keep_connections_open():
            chunks = self.application(environ, start_response)
            body = b"".join(chunks)
            if close := getattr(chunks, "close", None):
                close()
        status, headers = answered
        return Response(int(status[:3]), dict(headers), body)


def build_cached_site() -> PageCacheApplication:
    """Return the front as it is when a process starts, with the settings of the test."""
    return PageCacheApplication(get_wsgi_application())
