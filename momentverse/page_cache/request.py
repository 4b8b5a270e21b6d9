"""Decide from the WSGI environment whether a request may be served from the cache, and under which key.

The cache key and the request that renders the page are both built from the fields of
``CacheableRequest`` and from nothing else. So a header, a cookie or a parameter that is
not in the key cannot get into the page.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.http.request import split_domain_port
from django.urls import Resolver404, resolve

from momentverse.page_cache.decorators import Policy, get_policy
from momentverse.page_cache.encodings import choose_encoding

# Longer than the query of any cached page; a longer one is left to the view.
MAX_QUERY_LENGTH = 1000
_NO_BODY = (None, "", "0")
# What the rendering request keeps of the visitor's environment, besides `wsgi.*`.
_SERVER_VARIABLES = ("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR")


@dataclass(frozen=True)
class CacheableRequest:
    """A request for a page that may be cached."""

    path: str  # as in PATH_INFO: bytes decoded as Latin-1
    query: str
    host: str
    scheme: str
    encoding: str  # the response's content encoding; "" for none
    policy: Policy

    def key(self, encoding: str) -> str:
        """Return the cache key of the page in ``encoding``. No two pages share a key.

        Only the path can contain spaces, so it comes last.
        """
        return f"{encoding or '-'} {self.scheme} {self.host} {self.query or '-'} {self.path}"


class RequestParser:
    """Parses WSGI environments; caches which path has which policy."""

    def __init__(self) -> None:
        self._cookie = f"{settings.SESSION_COOKIE_NAME}="
        self._cookie_bytes = self._cookie.encode()
        site = urlsplit(settings.SITE_URL)
        self._site_port = str(site.port) if site.port else ""
        ssl_header: tuple[str, str] | None = settings.SECURE_PROXY_SSL_HEADER
        self._proto_header, self._proto_value = ssl_header or ("", "")
        # Bounded, so that invented paths and hosts cannot fill the memory.
        self._get_policy_at = lru_cache(maxsize=4096)(_get_policy_at)
        self._is_our_host = lru_cache(maxsize=256)(self._is_our_host)  # type: ignore[method-assign]

    def parse(self, environ: WSGIEnvironment) -> CacheableRequest | None:
        """Return the request, or None if its response may not come from the cache."""
        if (
            environ["REQUEST_METHOD"] not in ("GET", "HEAD")
            or self._cookie in environ.get("HTTP_COOKIE", "")
            or environ.get("CONTENT_LENGTH") not in _NO_BODY
            or "HTTP_TRANSFER_ENCODING" in environ
            or environ.get("SCRIPT_NAME")
        ):
            return None
        path = environ.get("PATH_INFO", "")
        policy = self._get_policy_at(path)
        host = environ.get("HTTP_HOST", "")
        if policy is None or not self._is_our_host(host, environ.get("SERVER_PORT", "")):
            return None
        query = environ.get("QUERY_STRING", "")
        if query:
            normalized = normalize_query(query, policy.parameters)
            if normalized is None:
                return None
            query = normalized
        encoding = choose_encoding(environ.get("HTTP_ACCEPT_ENCODING", ""))
        return CacheableRequest(
            path, query, host.lower(), self._get_scheme(environ), encoding, policy
        )

    def has_session_cookie(self, head: bytes) -> bool:
        """Return whether the raw head of a request may contain a session cookie."""
        return self._cookie_bytes in head

    def anonymous_environ(
        self, environ: WSGIEnvironment, request: CacheableRequest
    ) -> WSGIEnvironment:
        """Build the environment that renders the page: a GET without the visitor's headers and cookies."""
        anonymous = {
            name: value
            for name, value in environ.items()
            if name in _SERVER_VARIABLES or name.startswith("wsgi.")
        }
        anonymous |= {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query,
            "HTTP_HOST": request.host,
            "wsgi.input": io.BytesIO(),
        }
        anonymous.pop("wsgi.file_wrapper", None)
        if self._proto_header in environ:
            anonymous[self._proto_header] = environ[self._proto_header]
        return anonymous

    def _get_scheme(self, environ: WSGIEnvironment) -> str:
        """Return the scheme as Django's ``HttpRequest.scheme`` would."""
        forwarded = environ.get(self._proto_header)
        if forwarded is None:
            return str(environ["wsgi.url_scheme"])
        return "https" if forwarded.split(",", 1)[0].strip() == self._proto_value else "http"

    def _is_our_host(self, host: str, server_port: str) -> bool:
        """Return whether pages are cached for a Host header.

        Stricter than Django, which accepts any port, and wildcards in ``ALLOWED_HOSTS``:
        with those, anybody could multiply the cached pages.
        """
        domain, port = split_domain_port(host)
        return domain in settings.ALLOWED_HOSTS and port in ("", self._site_port, server_port)


def normalize_query(query: str, parameters: tuple[str, ...] | None) -> str | None:
    """Return the part of a query that the view reads, in a fixed order of parameters.

    Values of one parameter keep their order. Returns None if the query has to be left to the
    view: the view does not name its parameters, or the query is too long or not valid UTF-8.
    """
    if parameters is None or len(query) > MAX_QUERY_LENGTH or "%00" in query:
        return None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        return None
    known = [(name, value) for name, value in pairs if name in parameters]
    return urlencode(sorted(known, key=lambda pair: parameters.index(pair[0])))


def _get_policy_at(path: str) -> Policy | None:
    try:
        return get_policy(resolve(get_path_info({"PATH_INFO": path})).func)
    except Resolver404:
        return None
