"""Attempts to log in, to sign up and to reset a password, from a chosen network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.accounts.conftest import LOGIN

HOME = "203.0.113.7"
ELSEWHERE = "198.51.100.9"
REFUSED = 429


def post(
    path: str,
    fields: dict[str, str],
    network: str = HOME,
    client: Client | None = None,
    **more: Any,
) -> HttpResponse:
    """Send a form from an address in ``network``, without a session unless a client has one."""
    return (client or Client()).post(path, fields, REMOTE_ADDR=network, **more)


def try_login(
    email: str = "ada@example.org", password: str = "wrong", network: str = HOME, **more: Any
) -> HttpResponse:
    return post(LOGIN, {"login": email, "password": password}, network, **more)


def sign_up(
    email: str = "eve@example.org", network: str = HOME, handle: str = "eve"
) -> HttpResponse:
    """Send the form to sign up, with a password that is too short, so that no account is created."""
    fields = {"email": email, "username": handle, "password1": "short"}
    return post("/accounts/signup/", fields, network)


def request_reset(email: str = "ada@example.org", network: str = HOME) -> HttpResponse:
    return post("/accounts/password/reset/", {"email": email}, network)


def repeat(times: int, attempt: Callable[[], HttpResponse]) -> list[int]:
    """Make an attempt so many times and return the statuses of the responses."""
    return [attempt().status_code for _ in range(times)]
