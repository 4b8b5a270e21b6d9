"""Two-factor authentication: codes from an app, recovery codes, and the requirement for staff."""

from __future__ import annotations

import base64
import hmac
import struct
import time

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.test import Client

from accounts.mfa import SecondFactorAdapter
from tests.accounts.conftest import LOGIN, PASSWORD

pytestmark = pytest.mark.django_db
CREDENTIALS = {"login": "ada@example.org", "password": PASSWORD}
ACTIVATE = "/accounts/2fa/totp/activate/"


def code_for(secret: str) -> str:
    """Return the code that an app shows now (RFC 6238: SHA-1, 30 s, six digits)."""
    counter = struct.pack(">Q", int(time.time() // 30))
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def activate_second_factor(client: Client) -> str:
    """Enter the password once more, turn the second factor on, and return its secret."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = client.get(ACTIVATE).context["form"].secret
    response = client.post(ACTIVATE, {"code": code_for(secret)})
    assert response.status_code == 302, response.text
    return secret


def test_it_works(ada, log_in):
    secret = activate_second_factor(log_in())
    client = Client()
    response = client.post(LOGIN, CREDENTIALS)
    assert response["Location"].endswith("/2fa/authenticate/")
    assert client.get("/accounts/").status_code == 302  # the password alone is not enough
    code = code_for(secret)
    response = client.post("/accounts/2fa/authenticate/", {"code": code})
    assert response.status_code == 302, response.text
    assert client.get("/accounts/").status_code == 200
    again = Client()
    again.post(LOGIN, CREDENTIALS)
    again.post("/accounts/2fa/authenticate/", {"code": code})
    assert again.get("/accounts/").status_code == 302  # a code works once


def test_wrong_code_is_refused(ada, log_in):
    activate_second_factor(log_in())
    client = Client()
    client.post(LOGIN, CREDENTIALS)
    response = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert response.status_code == 200
    assert client.get("/accounts/").status_code == 302


def test_recovery_code_works_once(ada, log_in):
    activate_second_factor(log_in())
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    for expected in (200, 302):
        client = Client()
        client.post(LOGIN, CREDENTIALS)
        client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert client.get("/accounts/").status_code == expected


def test_secret_is_stored_encrypted(ada, log_in):
    secret = activate_second_factor(log_in())
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    assert SecondFactorAdapter().decrypt(stored) == secret


def test_stored_secret_can_be_read_after_key_rotation(settings):
    adapter = SecondFactorAdapter()
    settings.SECRET_KEY = "old" * 20
    stored = adapter.encrypt("seed")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    assert adapter.decrypt(stored) == "seed"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidToken):
        adapter.decrypt(stored)


@pytest.mark.parametrize("required", [True, False])
def test_admin_requires_a_second_factor_if_configured(ada, log_in, settings, required):
    settings.STAFF_NEEDS_SECOND_FACTOR = required
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client = log_in()
    response = client.get("/admin/", follow=True)
    assert response.status_code == 200
    if required:
        assert response.redirect_chain[0] == (ACTIVATE, 302)
        assert "The admin needs a second factor." in response.text
        activate_second_factor(client)
        assert client.get("/admin/").status_code == 200
    else:
        assert not response.redirect_chain


def test_admin_redirects_to_the_login_page_of_accounts(client, db):
    response = client.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == f"{LOGIN}?next=%2Fadmin%2F"


def test_admin_is_refused_without_staff_status(ada, log_in):
    response = log_in().get("/admin/", follow=True)
    assert response.status_code == 403
