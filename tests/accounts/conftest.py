"""A user with a password, log-in through the page, and the links in mails."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.core import mail
from django.core.cache import caches
from django.test import Client

from accounts.models import User

PASSWORD = "a perfectly long passphrase"
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _reset_attempt_counts() -> None:
    # Attempts of earlier tests from this address must not count.
    caches["throttle"].clear()


@pytest.fixture
def ada(db: None) -> User:
    """A user with a password and a verified address."""
    user = User.objects.create_user("ada@example.org", "ada", PASSWORD, display_name="Ada")
    user.mark_email_verified()
    return user


@pytest.fixture
def log_in() -> Callable[..., Client]:
    """Return a function that logs in through the page and returns the client."""

    def log_in_as(
        email: str = "ada@example.org", password: str = PASSWORD, **headers: str
    ) -> Client:
        client = Client(headers=headers)
        response = client.post(LOGIN, {"login": email, "password": password})
        assert response.status_code == 302, response.text
        return client

    return log_in_as


def link_in(message: mail.EmailMessage, part: str) -> str:
    """Return the path of the only link in a mail that contains ``part``."""
    (link,) = set(re.findall(rf"https?://[^/\s]+(/\S*{part}\S*)", str(message.body)))
    return link


@pytest.fixture
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stop the clock that the windows of the shared counts follow; a test moves it by ``now``."""
    clock = SimpleNamespace(now=time.time())
    clock.time = lambda: clock.now
    monkeypatch.setattr("django_ratelimit.core.time", clock)
    return clock
