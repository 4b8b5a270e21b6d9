"""The client's IP address, and the network that its requests are counted under."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"


def get_client_ip(environ: WSGIEnvironment) -> str:
    """Return the client's address from the WSGI environment of a request.

    Of ``X-Forwarded-For`` only the last ``TRUSTED_PROXIES`` entries are trusted: our own proxies
    wrote them. The entries before them came from outside and may be anything.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    hops: int = settings.TRUSTED_PROXIES
    if hops:
        header: str = environ.get("HTTP_X_FORWARDED_FOR", "")
        forwarded = [part.strip() for part in header.split(",")]
        if len(forwarded) >= hops and forwarded[-hops]:
            return forwarded[-hops]
    return peer


def get_client_network(request: HttpRequest) -> str:
    """Return the network that a request is counted under."""
    return get_network(get_client_ip(request.META))


@lru_cache(maxsize=1024)
def get_network(client_ip: str) -> str:
    """Return the network of an address: the address itself for IPv4, its /64 for IPv6.

    A household or a server has a whole /64, so it could evade a limit on single IPv6 addresses.
    Returns ``UNKNOWN`` if ``client_ip`` is not an address.
    """
    try:
        address = ipaddress.ip_address(_strip_port_and_zone(client_ip))
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _strip_port_and_zone(address: str) -> str:
    """Return an address without the port, brackets or IPv6 zone that some proxies write with it."""
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    return address.partition("%")[0]
