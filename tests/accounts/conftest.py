"""People with passwords, and the mails they get."""

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
def _no_attempts_yet() -> None:
    # What another test tried from this address counts for nothing here.
    caches["throttle"].clear()


@pytest.fixture
def ada(db: None) -> User:
    """A person with a verified address."""
    user = User.objects.create_user("ada@example.org", "ada", PASSWORD, display_name="Ada")
    user.mark_email_verified()
    return user


@pytest.fixture
def log_in() -> Callable[..., Client]:
    """Return a function that logs in by the page, as a person does, and returns their client."""

    def enter(email: str = "ada@example.org", password: str = PASSWORD, **headers: str) -> Client:
        client = Client(headers=headers)
        response = client.post(LOGIN, {"login": email, "password": password})
        assert response.status_code == 302, response.text
        return client

    return enter


def link_in(message: mail.EmailMessage, part: str) -> str:
    """Return the path of the link with ``part`` in it that a mail holds."""
    (link,) = set(re.findall(rf"https?://[^/\s]+(/\S*{part}\S*)", str(message.body)))
    return link


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Time stands still for the shared counts' windows until a test moves it."""
    clock = SimpleNamespace(now=time.time())
    clock.time = lambda: clock.now
    monkeypatch.setattr("django_ratelimit.core.time", clock)
    return clock
