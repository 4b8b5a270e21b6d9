"""Log-in and log-out."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import LOGIN, PASSWORD

CREDENTIALS = {"login": "ada@example.org", "password": PASSWORD}
pytestmark = pytest.mark.django_db


def test_it_works(ada, log_in):
    client = log_in()
    page = client.get("/accounts/")
    assert page.status_code == 200
    assert "ada@example.org" in page.text
    assert page["Cache-Control"] == "private, no-store"


def test_login_ignores_case_and_spaces_in_the_address(ada, log_in):
    assert log_in("  ADA@Example.ORG ").get("/accounts/").status_code == 200


def test_wrong_password_is_a_form_error(client, ada):
    response = client.post(LOGIN, CREDENTIALS | {"password": "wrong wrong wrong"})
    assert response.status_code == 200
    assert client.get("/accounts/").status_code == 302


def test_inactive_user_cannot_log_in(client, ada):
    User.objects.update(is_active=False)
    client.post(LOGIN, CREDENTIALS)
    assert client.get("/accounts/").status_code == 302


def test_session_key_changes_at_login(client, ada):
    """Session fixation: a key that somebody planted before log-in is useless afterwards."""
    client.get(LOGIN)
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.cookies["session"] = before
    client.post(LOGIN, CREDENTIALS)
    assert client.session.session_key != before
    stranger = Client()
    stranger.cookies["session"] = before
    assert stranger.get("/accounts/").status_code == 302


def test_logout_requires_a_post_and_ends_the_session(ada, log_in):
    client = log_in()
    cookie = client.cookies["session"].value
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/accounts/").status_code == 200  # a GET request does not log out
    client.post("/accounts/logout/")
    stranger = Client()
    stranger.cookies["session"] = cookie
    assert stranger.get("/accounts/").status_code == 302


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/", "https:evil.example", "\\\\evil.example",
     "/\\evil.example", "javascript:alert(1)", "///evil.example", "http:///evil.example", "\x00//evil"],
)  # fmt: skip
def test_login_does_not_redirect_to_other_sites(client, ada, target):
    """Edge case 23: open redirects."""
    response = client.post(LOGIN, CREDENTIALS | {"next": target})
    assert response.status_code in (302, 400)
    if response.status_code == 302:
        assert response["Location"] == "/accounts/"


def test_login_redirects_to_the_page_before(client, ada):
    response = client.post(LOGIN, CREDENTIALS | {"next": "/timeline/1969/"})
    assert response["Location"] == "/timeline/1969/"


def test_post_without_csrf_token_is_refused(ada):
    client = Client(enforce_csrf_checks=True)
    response = client.post(LOGIN, CREDENTIALS)
    assert response.status_code == 403
    assert "Go back, reload, send it again." in response.text


def test_old_hash_is_upgraded(ada, log_in, settings):
    settings.PASSWORD_HASHERS = [
        *settings.PASSWORD_HASHERS, "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]  # fmt: skip
    User.objects.update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    log_in()
    ada.refresh_from_db()
    assert identify_hasher(ada.password).algorithm == "argon2"


def test_password_change_ends_other_sessions(ada, log_in):
    this_client, other_client = log_in(), log_in()
    new = "another perfectly long passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert this_client.post("/accounts/password/change/", fields).status_code == 302
    assert this_client.get("/accounts/").status_code == 200
    assert other_client.get("/accounts/").status_code == 302


def test_other_sessions_are_listed_and_can_be_ended(ada, log_in):
    this_client, other_client = log_in(user_agent="Here/1.0"), log_in(user_agent="Elsewhere/1.0")
    page = this_client.get("/accounts/sessions/").text
    assert "Here/1.0" in page
    assert "Elsewhere/1.0" in page
    this_client.post("/accounts/sessions/")
    assert this_client.get("/accounts/").status_code == 200
    assert other_client.get("/accounts/").status_code == 302


def test_profile_is_changed(ada, log_in):
    client = log_in()
    fields = {"display_name": "Ada L.", "bio": "Tables.", "time_zone": "Europe/London"}
    assert client.post("/accounts/profile/", fields).status_code == 302
    ada.refresh_from_db()
    assert (ada.display_name, ada.time_zone) == ("Ada L.", "Europe/London")
    wrong = client.post("/accounts/profile/", fields | {"time_zone": "Moon/Base"})
    assert wrong.status_code == 200
    assert "aria-invalid" in wrong.text
