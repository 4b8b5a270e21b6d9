"""Sign-up and the verification of the e-mail address."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import User
from tests.accounts.conftest import LOGIN, PASSWORD, link_in

SIGNUP = "/accounts/signup/"
pytestmark = pytest.mark.django_db


def build_form_data(**fields):
    return {"email": "Grace@Example.org", "username": "grace", "password1": PASSWORD} | fields


def test_it_works(client):
    response = client.post(SIGNUP, build_form_data())
    assert response.status_code == 302
    user = User.objects.get()
    assert (user.email, user.handle) == ("grace@example.org", "grace")
    (message,) = mail.outbox
    assert message.to == ["grace@example.org"]
    confirm = link_in(message, "confirm-email")
    assert client.get(confirm).status_code == 200  # fetching the link alone changes nothing
    assert not EmailAddress.objects.get().verified
    assert client.post(confirm).status_code == 302
    assert EmailAddress.objects.get().verified


def test_login_requires_a_verified_address(client):
    client.post(SIGNUP, build_form_data())
    assert client.get("/accounts/").status_code == 302
    response = client.post(LOGIN, {"login": "grace@example.org", "password": PASSWORD})
    assert response["Location"].endswith("/confirm-email/")
    assert client.get("/accounts/").status_code == 302


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"password1": "short"}, "at least 12 characters"),
     ({"password1": "q1w2e3r4t5y6"}, "common"),
     ({"password1": "grace@example.org"}, "similar"),
     ({"email": "nonsense"}, "valid email"),
     ({"email": "a\x00@example.org"}, "Null characters"),
     ({"username": "admin"}, "reserved"),
     ({"username": "adm1n"}, "looks like"),
     ({"username": "mom3nt--x"}, "single hyphens"),
     ({"username": "g"}, "2 to 30"),
     ({"username": "grаce"}, "letters from a to z")],
)  # fmt: skip
def test_invalid_form_is_refused_with_a_message(client, fields, message):
    """The last handle has a Cyrillic letter."""
    response = client.post(SIGNUP, build_form_data(**fields))
    assert response.status_code == 200
    assert message in response.text
    assert not User.objects.exists()
    assert not mail.outbox


@pytest.mark.parametrize("handle", ["ada", "ADA", "a-d-a", "a_da"])
def test_handle_that_looks_like_anothers_is_refused(client, ada, handle):
    response = client.post(SIGNUP, build_form_data(username=handle))
    assert response.status_code == 200
    assert "taken" in response.text or "already exists" in response.text
    assert User.objects.count() == 1


def test_signup_redirects_logged_in_users(ada, log_in):
    assert log_in().get(SIGNUP).status_code == 302
