"""A client that sends requests through the page cache, as a WSGI server would."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

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
# Headers that differ from request to request.
REQUEST_HEADERS = {"X-Request-ID", "RateLimit-Remaining", "RateLimit-Reset", "Age"}


@contextmanager
def keep_connections_open() -> Iterator[None]:
    """Keep database connections after a request, as Django's test client does.

    Otherwise the request would end the transaction of the test.
    """
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
        """The body without its content encoding."""
        return DECODERS[self.headers.get("Content-Encoding")](self.body)

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    @property
    def page_headers(self) -> dict[str, str]:
        """The headers that are the same for every request of the page."""
        return {name: value for name, value in self.headers.items() if name not in REQUEST_HEADERS}


class WSGIClient:
    """``client.get("/timeline/", accept_encoding="br")``; keyword arguments are request headers."""

    def __init__(self, application: WSGIApplication, **headers: str) -> None:
        self.application: Any = application
        self.headers = headers

    def get(self, url: str, method: str = "GET", **headers: Any) -> Response:
        return self.send(self.environ(url, method, **headers))

    def environ(self, url: str, method: str = "GET", **headers: Any) -> WSGIEnvironment:
        """Return the environment that a server would build. Names in capitals are set as they are."""
        path, _, query = url.partition("?")
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
            "wsgi.input": io.BytesIO(headers.pop("body", b"")),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "HTTP_HOST": "testserver",
        }
        for name, value in (self.headers | headers).items():
            environ[name if name[0].isupper() or "." in name else f"HTTP_{name.upper()}"] = value
        return environ

    def send(self, environ: WSGIEnvironment) -> Response:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None):
            started[:] = status, headers

        with keep_connections_open():
            chunks = self.application(environ, start_response)
            body = b"".join(chunks)
            if close := getattr(chunks, "close", None):
                close()
        status, headers = started
        return Response(int(status[:3]), dict(headers), body)


def build_cached_site() -> PageCacheApplication:
    """Build the site as a process does at its start, with the settings of the test."""
    return PageCacheApplication(get_wsgi_application())
