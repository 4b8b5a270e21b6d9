"""Responses do not reveal who has an account (edge case 24)."""

from __future__ import annotations

import re

import argon2
import pytest
from django.core import mail
from django.test import Client

from tests.accounts.conftest import LOGIN, PASSWORD

pytestmark = pytest.mark.django_db
KNOWN, UNKNOWN = "ada@example.org", "nobody@example.org"
# Headers that differ between any two responses, such as the id of the request.
VARYING_HEADERS = (
    "Expires",
    "X-Request-ID",
    "Set-Cookie",
    "RateLimit-Remaining",
    "RateLimit-Reset",
)


@pytest.fixture
def hashes(monkeypatch):
    """Return a list that grows with each password hash that is computed or compared."""
    calls = []
    for name in ("hash_secret", "verify_secret"):
        real = getattr(argon2.low_level, name)

        def counting(*args, real=real, **kwargs):
            calls.append(real)
            return real(*args, **kwargs)

        monkeypatch.setattr(argon2.low_level, name, counting)
    real_verify = argon2.PasswordHasher.verify

    def verify(*args, **kwargs):
        calls.append("verify")
        return real_verify(*args, **kwargs)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    return calls


def post_form(address, fields, email):
    """Post a form as a stranger. Return the response without the parts that differ each time."""
    response = Client().post(address, fields)
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", response.text)
    headers = {name: value for name, value in response.items() if name not in VARYING_HEADERS}
    headers.pop("ETag", None)
    return response.status_code, text.replace(email, "E-MAIL"), headers, set(response.cookies)


def test_it_works(ada, hashes):
    """Log-in answers the same for both, with the same text, headers and number of hashes."""
    fields = {"password": "wrong wrong wrong"}
    known = post_form(LOGIN, fields | {"login": KNOWN}, KNOWN)
    hash_count = len(hashes)
    hashes.clear()
    unknown = post_form(LOGIN, fields | {"login": UNKNOWN}, UNKNOWN)
    assert without_length(known) == without_length(unknown)
    assert len(hashes) == hash_count > 0


def test_password_reset_does_not_reveal_accounts(ada, hashes):
    address = "/accounts/password/reset/"
    known = post_form(address, {"email": KNOWN}, KNOWN)
    unknown = post_form(address, {"email": UNKNOWN}, UNKNOWN)
    assert without_length(known) == without_length(unknown)
    assert [message.to for message in mail.outbox] == [[KNOWN], [UNKNOWN]]
    assert not hashes


def test_signup_does_not_reveal_accounts(ada, hashes):
    address = "/accounts/signup/"
    fields = {"username": "grace", "password1": PASSWORD}
    known = post_form(address, fields | {"email": KNOWN}, KNOWN)
    hash_count = len(hashes)
    hashes.clear()
    unknown = post_form(address, fields | {"email": UNKNOWN}, UNKNOWN)
    assert known[0] == unknown[0] == 302
    assert known[2]["Location"] == unknown[2]["Location"]
    assert known[3] == unknown[3]
    assert [message.to for message in mail.outbox] == [[KNOWN], [UNKNOWN]]
    assert len(hashes) == hash_count


def test_login_does_not_reveal_inactive_accounts(ada, hashes):
    ada.is_active = False
    ada.save()
    fields = {"password": "wrong wrong wrong"}
    known = post_form(LOGIN, fields | {"login": KNOWN}, KNOWN)
    unknown = post_form(LOGIN, fields | {"login": UNKNOWN}, UNKNOWN)
    assert without_length(known) == without_length(unknown)


def without_length(response):
    status, text, headers, cookies = response
    return status, text, {k: v for k, v in headers.items() if k != "Content-Length"}, cookies
