"""What a visitor asks for, told from the WSGI environment alone: which page, in which form, or none of ours.

The key and the request that makes the page are both built from what is named
here and from nothing else. So a header, a cookie or a parameter that the key
does not hold cannot be in the page.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.http.request import split_domain_port
from django.urls import Resolver404, resolve

from momentverse.page_cache.decorators import Policy, policy_of
from momentverse.page_cache.encodings import chosen

Environ = dict[str, Any]

# Longer queries than any page of ours has are the view's to refuse.
_LONGEST_QUERY = 1000
_NO_BODY = (None, "", "0")
# What a page may be made from, beside the address.
_KEPT = ("SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR")


@dataclass(frozen=True)
class Asked:
    """A page that may be kept, as somebody asks for it."""

    path: str  # as WSGI has it
    query: str
    host: str
    scheme: str
    encoding: str
    policy: Policy

    def key(self, encoding: str) -> str:
        """Return where one form of the page is kept; no two pages share one.

        Only the path may hold spaces, and it comes last.
        """
        return f"{encoding or '-'} {self.scheme} {self.host} {self.query or '-'} {self.path}"


class Reader:
    """Reads what is asked for; remembers which view has which policy."""

    def __init__(self) -> None:
        self._cookie = f"{settings.SESSION_COOKIE_NAME}="
        self._cookie_bytes = self._cookie.encode()
        site = urlsplit(settings.SITE_URL)
        self._site_port = str(site.port) if site.port else ""
        proxy_says: tuple[str, str] | None = settings.SECURE_PROXY_SSL_HEADER
        self._proto_header, self._proto = proxy_says or ("", "")
        # Bounded, so that made-up addresses fill no memory.
        self._policy_at = lru_cache(maxsize=4096)(_policy_at)
        self._is_ours = lru_cache(maxsize=256)(self._is_ours)  # type: ignore[method-assign]

    def read(self, environ: Environ) -> Asked | None:
        """Return what is asked for, or None when the answer is not for everybody."""
        if (
            environ["REQUEST_METHOD"] not in ("GET", "HEAD")
            or self._cookie in environ.get("HTTP_COOKIE", "")
            or environ.get("CONTENT_LENGTH") not in _NO_BODY
            or "HTTP_TRANSFER_ENCODING" in environ
            or environ.get("SCRIPT_NAME")
        ):
            return None
        path = environ.get("PATH_INFO", "")
        policy = self._policy_at(path)
        host = environ.get("HTTP_HOST", "")
        if policy is None or not self._is_ours(host, environ.get("SERVER_PORT", "")):
            return None
        query = environ.get("QUERY_STRING", "")
        if query:
            normal = normalised(query, policy.parameters)
            if normal is None:
                return None
            query = normal
        encoding = chosen(environ.get("HTTP_ACCEPT_ENCODING", ""))
        return Asked(path, query, host.lower(), self._scheme(environ), encoding, policy)

    def names_a_session(self, head: bytes) -> bool:
        """Tell whether a request that begins so may be somebody's own."""
        return self._cookie_bytes in head

    def bare_environ(self, environ: Environ, asked: Asked) -> Environ:
        """Return the environment of a request for the page by nobody in particular."""
        bare = {
            name: value
            for name, value in environ.items()
            if name in _KEPT or name.startswith("wsgi.")
        }
        bare |= {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": asked.path,
            "QUERY_STRING": asked.query,
            "HTTP_HOST": asked.host,
            "wsgi.input": io.BytesIO(),
        }
        bare.pop("wsgi.file_wrapper", None)
        if self._proto_header in environ:
            bare[self._proto_header] = environ[self._proto_header]
        return bare

    def _scheme(self, environ: Environ) -> str:
        """Return what Django will take the request for."""
        told = environ.get(self._proto_header)
        if told is None:
            return str(environ["wsgi.url_scheme"])
        return "https" if told.split(",", 1)[0].strip() == self._proto else "http"

    def _is_ours(self, host: str, server_port: str) -> bool:
        """Tell whether a Host is one of the few that pages are kept for.

        Django takes any port, and wild cards in ``ALLOWED_HOSTS``; with those anybody
        could multiply the pages.
        """
        domain, port = split_domain_port(host)
        return domain in settings.ALLOWED_HOSTS and port in ("", self._site_port, server_port)


def normalised(query: str, parameters: tuple[str, ...] | None) -> str | None:
    """Return the part of a query that a view reads, always written the same; None: leave it to the view.

    Values of one parameter stay in their order.
    """
    if parameters is None or len(query) > _LONGEST_QUERY or "%00" in query:
        return None
    try:
        given = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        return None
    known = [(name, value) for name, value in given if name in parameters]
    return urlencode(sorted(known, key=lambda item: parameters.index(item[0])))


def _policy_at(path: str) -> Policy | None:
    try:
        return policy_of(resolve(get_path_info({"PATH_INFO": path})).func)
    except Resolver404:
        return None
