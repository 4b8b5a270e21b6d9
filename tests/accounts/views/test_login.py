"""Log-in and log-out."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import LOGIN, PASSWORD

ENTRY = {"login": "ada@example.org", "password": PASSWORD}
pytestmark = pytest.mark.django_db


def test_it_works(ada, log_in):
    client = log_in()
    page = client.get("/accounts/")
    assert page.status_code == 200
    assert "ada@example.org" in page.text
    assert page["Cache-Control"] == "private, no-store"


def test_the_addresss_case_does_not_matter(ada, log_in):
    assert log_in("  ADA@Example.ORG ").get("/accounts/").status_code == 200


def test_a_wrong_password_is_an_error_of_the_form(client, ada):
    response = client.post(LOGIN, ENTRY | {"password": "wrong wrong wrong"})
    assert response.status_code == 200
    assert client.get("/accounts/").status_code == 302


def test_who_may_not_log_in_does_not(client, ada):
    User.objects.update(is_active=False)
    client.post(LOGIN, ENTRY)
    assert client.get("/accounts/").status_code == 302


def test_the_sessions_key_changes_at_log_in(client, ada):
    """Session fixation: a key that was planted before log-in is worth nothing after it."""
    client.get(LOGIN)
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    client.cookies["session"] = before
    client.post(LOGIN, ENTRY)
    assert client.session.session_key != before
    stranger = Client()
    stranger.cookies["session"] = before
    assert stranger.get("/accounts/").status_code == 302


def test_log_out_is_a_form_and_ends_the_session(ada, log_in):
    client = log_in()
    cookie = client.cookies["session"].value
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/accounts/").status_code == 200  # following a link logs nobody out
    client.post("/accounts/logout/")
    stranger = Client()
    stranger.cookies["session"] = cookie
    assert stranger.get("/accounts/").status_code == 302


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example/", "https:evil.example", "\\\\evil.example",
     "/\\evil.example", "javascript:alert(1)", "///evil.example", "http:///evil.example", "\x00//evil"],
)  # fmt: skip
def test_nobody_is_sent_away(client, ada, target):
    """Edge case 23: open redirects."""
    response = client.post(LOGIN, ENTRY | {"next": target})
    assert response.status_code in (302, 400)
    if response.status_code == 302:
        assert response["Location"] == "/accounts/"


def test_people_go_on_where_they_were(client, ada):
    response = client.post(LOGIN, ENTRY | {"next": "/timeline/1969/"})
    assert response["Location"] == "/timeline/1969/"


def test_a_form_without_its_token_is_refused(ada):
    client = Client(enforce_csrf_checks=True)
    response = client.post(LOGIN, ENTRY)
    assert response.status_code == 403
    assert "Go back, reload, send it again." in response.text


def test_an_old_hash_is_upgraded(ada, log_in, settings):
    settings.PASSWORD_HASHERS = [
        *settings.PASSWORD_HASHERS, "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]  # fmt: skip
    User.objects.update(password=make_password(PASSWORD, hasher="pbkdf2_sha256"))
    log_in()
    ada.refresh_from_db()
    assert identify_hasher(ada.password).algorithm == "argon2"


def test_a_new_password_ends_other_sessions(ada, log_in):
    here, elsewhere = log_in(), log_in()
    new = "another perfectly long passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert here.post("/accounts/password/change/", fields).status_code == 302
    assert here.get("/accounts/").status_code == 200
    assert elsewhere.get("/accounts/").status_code == 302


def test_sessions_are_listed_and_ended_elsewhere(ada, log_in):
    here, elsewhere = log_in(user_agent="Here/1.0"), log_in(user_agent="Elsewhere/1.0")
    page = here.get("/accounts/sessions/").text
    assert "Here/1.0" in page
    assert "Elsewhere/1.0" in page
    here.post("/accounts/sessions/")
    assert here.get("/accounts/").status_code == 200
    assert elsewhere.get("/accounts/").status_code == 302


def test_a_profile_is_changed(ada, log_in):
    client = log_in()
    fields = {"display_name": "Ada L.", "bio": "Tables.", "time_zone": "Europe/London"}
    assert client.post("/accounts/profile/", fields).status_code == 302
    ada.refresh_from_db()
    assert (ada.display_name, ada.time_zone) == ("Ada L.", "Europe/London")
    wrong = client.post("/accounts/profile/", fields | {"time_zone": "Moon/Base"})
    assert wrong.status_code == 200
    assert "aria-invalid" in wrong.text
