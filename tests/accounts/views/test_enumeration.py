"""Nobody learns from us who has an account (edge case 24)."""

from __future__ import annotations

import re

import argon2
import pytest
from django.core import mail
from django.test import Client

from tests.accounts.conftest import LOGIN, PASSWORD

pytestmark = pytest.mark.django_db
KNOWN, UNKNOWN = "ada@example.org", "nobody@example.org"
# What differs between any two answers: the token of the form, the id of the request.
ONCE_ONLY = ("Expires", "X-Request-ID", "Set-Cookie", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def hashes(monkeypatch):
    """Count the password hashes that are computed or compared."""
    made = []
    for name in ("hash_secret", "verify_secret"):
        real = getattr(argon2.low_level, name)

        def counting(*args, real=real, **kwargs):
            made.append(real)
            return real(*args, **kwargs)

        monkeypatch.setattr(argon2.low_level, name, counting)
    real_verify = argon2.PasswordHasher.verify

    def verify(*args, **kwargs):
        made.append("verify")
        return real_verify(*args, **kwargs)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    return made


def answer(address, fields, email):
    """Return what a stranger is told, without what differs at any two times."""
    response = Client().post(address, fields)
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", response.text)
    headers = {name: value for name, value in response.items() if name not in ONCE_ONLY}
    headers.pop("ETag", None)
    return response.status_code, text.replace(email, "E-MAIL"), headers, set(response.cookies)


def test_it_works(ada, hashes):
    """Log-in: the same words, headers and number of hashes."""
    fields = {"password": "wrong wrong wrong"}
    known = answer(LOGIN, fields | {"login": KNOWN}, KNOWN)
    spent = len(hashes)
    hashes.clear()
    unknown = answer(LOGIN, fields | {"login": UNKNOWN}, UNKNOWN)
    assert without_length(known) == without_length(unknown)
    assert len(hashes) == spent > 0


def test_a_forgotten_password(ada, hashes):
    address = "/accounts/password/reset/"
    known = answer(address, {"email": KNOWN}, KNOWN)
    unknown = answer(address, {"email": UNKNOWN}, UNKNOWN)
    assert without_length(known) == without_length(unknown)
    assert [message.to for message in mail.outbox] == [[KNOWN], [UNKNOWN]]
    assert not hashes


def test_sign_up_with_an_address_that_has_an_account(ada, hashes):
    address = "/accounts/signup/"
    fields = {"username": "grace", "password1": PASSWORD}
    known = answer(address, fields | {"email": KNOWN}, KNOWN)
    spent = len(hashes)
    hashes.clear()
    unknown = answer(address, fields | {"email": UNKNOWN}, UNKNOWN)
    assert known[0] == unknown[0] == 302
    assert known[2]["Location"] == unknown[2]["Location"]
    assert known[3] == unknown[3]
    assert [message.to for message in mail.outbox] == [[KNOWN], [UNKNOWN]]
    assert len(hashes) == spent


def test_an_address_that_is_not_to_be_logged_in_with(ada, hashes):
    ada.is_active = False
    ada.save()
    fields = {"password": "wrong wrong wrong"}
    known = answer(LOGIN, fields | {"login": KNOWN}, KNOWN)
    unknown = answer(LOGIN, fields | {"login": UNKNOWN}, UNKNOWN)
    assert without_length(known) == without_length(unknown)


def without_length(told):
    status, text, headers, cookies = told
    return status, text, {k: v for k, v in headers.items() if k != "Content-Length"}, cookies
