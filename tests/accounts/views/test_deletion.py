"""Leaving, and the 14 days in which one may come back; edge case 14."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.privacy import erasure
from tests.accounts.conftest import PASSWORD, link_in

pytestmark = pytest.mark.django_db

DELETE = "/accounts/delete/"
KEEP = "/accounts/delete/keep/"
HOME = "/accounts/"


def ask(client: Client, password: str = PASSWORD):
    return client.post(DELETE, {"password": password})


def erase_after(user: User) -> dt.datetime | None:
    return User.objects.values_list("erase_after", flat=True).get(pk=user.pk)


def test_it_works(ada, log_in):
    client = log_in()
    response = ask(client)
    assert (response.status_code, response["Location"]) == (302, DELETE)
    expected = timezone.now() + dt.timedelta(days=14)
    assert abs(erase_after(ada) - expected) < dt.timedelta(minutes=1)
    assert "Keep my account" in client.get(DELETE).text


def test_it_is_linked_from_the_account(ada, log_in):
    assert f'href="{DELETE}"' in log_in().get(HOME).text


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", [DELETE])
def test_visitors_are_asked_to_log_in(client, method, address):
    response = getattr(client, method)(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_the_page_explains_what_becomes_of_everything(ada, log_in):
    text = log_in().get(DELETE).text
    for words in ("14 days", "spans are free", "Orders stay", "no personal data", "handle is free"):
        assert words in text, words
    assert "as staff" not in text


def test_staff_is_told_of_the_log(ada, log_in):
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    client = Client()
    client.force_login(ada)
    assert "as staff" in client.get(DELETE).text


def test_the_password_field_is_one_that_managers_fill(ada, log_in):
    text = log_in().get(DELETE).text
    assert 'autocomplete="current-password"' in text
    assert '<label for="id_password">' in text


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " ", "x" * 129])
def test_a_wrong_password_is_an_error_of_its_field(ada, log_in, password):
    client = log_in()
    response = ask(client, password)
    assert response.status_code == 200
    assert response.context["form"].errors["password"]
    assert 'aria-invalid="true"' in response.text
    assert 'aria-describedby="id_password_error"' in response.text
    assert erase_after(ada) is None
    assert not mail.outbox


def test_the_password_is_not_sent_back(ada, log_in):
    assert "not-the-password" not in ask(log_in(), "not-the-password").text


def test_who_has_no_password_is_not_asked_for_one(ada):
    ada.set_unusable_password()
    ada.save()
    client = Client()
    client.force_login(ada)
    assert "id_password" not in client.get(DELETE).text
    client.post(DELETE)
    assert erase_after(ada)


def test_it_takes_a_form_of_ours(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert ask(client).status_code == 403
    assert client.post(KEEP).status_code == 403
    assert erase_after(ada) is None


def test_other_sessions_end(ada, log_in):
    here, elsewhere = log_in(), log_in()
    ask(here)
    assert here.get(HOME).status_code == 200
    assert elsewhere.get(HOME).status_code == 302


def test_other_peoples_sessions_go_on(ada, log_in):
    User.objects.create_user("bob@example.org", "bob", PASSWORD).mark_email_verified()
    bobs = log_in("bob@example.org")
    ask(log_in())
    assert bobs.get(HOME).status_code == 200


def test_a_mail_tells_the_day_and_the_way_back(ada, log_in):
    ask(log_in())
    (message,) = mail.outbox
    day = erase_after(ada)
    assert message.to == ["ada@example.org"]
    assert f"{day.day} {day:%B %Y}" in message.body
    assert f"{day:%H:%M} UTC" in message.body
    assert link_in(message, "accounts") == DELETE
    assert message.alternatives[0].mimetype == "text/html"


def test_the_mails_link_is_ours_whatever_the_host_header_says(ada, log_in, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client = log_in()
    client.post(DELETE, {"password": PASSWORD}, headers={"host": "evil.example"})
    assert "evil.example" not in mail.outbox[0].body
    assert settings.SITE_URL + DELETE in mail.outbox[0].body


@pytest.mark.parametrize("failure", [ConnectionRefusedError, TimeoutError])
def test_a_mail_server_that_is_away_undoes_nothing(ada, log_in, monkeypatch, caplog, failure):
    def refuse(*args, **kwargs):
        raise failure

    client = log_in()
    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", refuse)
    assert ask(client).status_code == 302
    assert erase_after(ada)
    assert "mail not sent" in caplog.text


def test_asking_again_does_not_move_the_day(ada, log_in):
    client = log_in()
    ask(client)
    day = erase_after(ada)
    ask(client)
    assert erase_after(ada) == day
    user = User.objects.get(pk=ada.pk)
    User.objects.filter(pk=ada.pk).update(erase_after=day - dt.timedelta(days=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "_notify", lambda *args: None)
        erasure.schedule_deletion(user, None)
    assert erase_after(ada) == day - dt.timedelta(days=1)


def test_until_then_one_logs_in_and_uses_the_site(ada, log_in):
    ask(log_in())
    client = log_in()
    page = client.get(HOME)
    assert page.status_code == 200
    assert "will be deleted on" in page.text
    assert f'datetime="{erase_after(ada):%Y-%m-%dT%H:%M:%SZ}"' in page.text
    profile = {"display_name": "Ada L.", "bio": "", "time_zone": "UTC"}
    assert client.post("/accounts/profile/", profile).status_code == 302


def test_one_comes_back_with_one_click(ada, log_in):
    ask(log_in())
    client = log_in()
    response = client.post(KEEP, follow=True)
    assert erase_after(ada) is None
    assert "Welcome back" in response.text
    assert "will be deleted on" not in response.text
    assert mail.outbox[-1].subject == "Your MomentVerse account stays"
    assert link_in(mail.outbox[-1], "accounts") == HOME


def test_coming_back_changes_nothing_for_who_did_not_leave(ada, log_in):
    response = log_in().post(KEEP, follow=True)
    assert response.status_code == 200
    assert "Welcome back" not in response.text
    assert not mail.outbox


def test_the_way_back_is_no_link(ada, log_in):
    client = log_in()
    ask(client)
    assert client.get(KEEP).status_code == 405
    assert erase_after(ada)


def test_it_is_nobody_elses_way_back(ada, log_in):
    User.objects.create_user("bob@example.org", "bob", PASSWORD).mark_email_verified()
    ask(log_in())
    log_in("bob@example.org").post(KEEP, {"user": ada.pk})
    assert erase_after(ada)


def test_when_the_day_has_come_there_is_no_way_back(ada, log_in):
    client = log_in()
    past = timezone.now() - dt.timedelta(seconds=1)
    User.objects.filter(pk=ada.pk).update(erase_after=past)
    client.post(KEEP)
    assert erase_after(ada) == past
    page = client.get(DELETE).text
    assert "Keep my account" not in page
    assert "being deleted" in page


def test_the_only_admin_is_refused():
    admin = User.objects.create_superuser("root@example.org", "chief", PASSWORD)
    User.objects.create_superuser("gone@example.org", "gone", PASSWORD, is_active=False)
    client = Client()
    client.force_login(admin)
    response = client.post(DELETE, {"password": PASSWORD}, follow=True)
    assert "You are the only admin" in response.text
    assert erase_after(admin) is None
    assert not mail.outbox


def test_of_two_admins_one_may_leave():
    clients = []
    for name in ("one", "two"):
        admin = User.objects.create_superuser(f"{name}@example.org", f"{name}-admin", PASSWORD)
        client = Client()
        client.force_login(admin)
        clients.append(client)
    answers = [client.post(DELETE, {"password": PASSWORD}, follow=True).text for client in clients]
    assert "Keep my account" in answers[0]
    assert "You are the only admin" in answers[1]


def test_a_curator_is_refused():
    curator = User.objects.get_or_create_curator("heritage", "Heritage")
    client = Client()
    client.force_login(curator)
    assert "collections" in client.post(DELETE, follow=True).text
    assert erase_after(curator) is None


def test_members_of_a_group_may_leave(ada, log_in):
    ada.groups.add(Group.objects.create(name="Astronomers"))
    ask(log_in())
    assert erase_after(ada)
