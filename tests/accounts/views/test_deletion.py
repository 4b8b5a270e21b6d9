"""Deletion of an account, and the 14 days in which it can be cancelled (edge case 14)."""

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
CANCEL = "/accounts/delete/keep/"
HOME = "/accounts/"


def request_deletion(client: Client, password: str = PASSWORD):
    return client.post(DELETE, {"password": password})


def get_erase_after(user: User) -> dt.datetime | None:
    return User.objects.values_list("erase_after", flat=True).get(pk=user.pk)


def test_it_works(ada, log_in):
    client = log_in()
    response = request_deletion(client)
    assert (response.status_code, response["Location"]) == (302, DELETE)
    expected = timezone.now() + dt.timedelta(days=14)
    assert abs(get_erase_after(ada) - expected) < dt.timedelta(minutes=1)
    assert "Keep my account" in client.get(DELETE).text


def test_account_page_links_to_the_deletion(ada, log_in):
    assert f'href="{DELETE}"' in log_in().get(HOME).text


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", [DELETE])
def test_visitor_is_redirected_to_login(client, method, address):
    response = getattr(client, method)(address)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_page_explains_the_consequences(ada, log_in):
    text = log_in().get(DELETE).text
    for phrase in (
        "14 days",
        "spans are free",
        "Orders stay",
        "no personal data",
        "handle is free",
    ):
        assert phrase in text, phrase
    assert "as staff" not in text


def test_page_mentions_the_admin_log_to_staff(ada, log_in):
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    client = Client()
    client.force_login(ada)
    assert "as staff" in client.get(DELETE).text


def test_password_field_supports_password_managers(ada, log_in):
    text = log_in().get(DELETE).text
    assert 'autocomplete="current-password"' in text
    assert '<label for="id_password">' in text


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " ", "x" * 129])
def test_wrong_password_is_a_field_error(ada, log_in, password):
    client = log_in()
    response = request_deletion(client, password)
    assert response.status_code == 200
    assert response.context["form"].errors["password"]
    assert 'aria-invalid="true"' in response.text
    assert 'aria-describedby="id_password_error"' in response.text
    assert get_erase_after(ada) is None
    assert not mail.outbox


def test_entered_password_is_not_sent_back(ada, log_in):
    assert "not-the-password" not in request_deletion(log_in(), "not-the-password").text


def test_user_without_a_password_need_not_enter_one(ada):
    ada.set_unusable_password()
    ada.save()
    client = Client()
    client.force_login(ada)
    assert "id_password" not in client.get(DELETE).text
    client.post(DELETE)
    assert get_erase_after(ada)


def test_post_without_csrf_token_is_refused(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert request_deletion(client).status_code == 403
    assert client.post(CANCEL).status_code == 403
    assert get_erase_after(ada) is None


def test_other_sessions_end(ada, log_in):
    this_client, other_client = log_in(), log_in()
    request_deletion(this_client)
    assert this_client.get(HOME).status_code == 200
    assert other_client.get(HOME).status_code == 302


def test_sessions_of_other_users_continue(ada, log_in):
    User.objects.create_user("bob@example.org", "bob", PASSWORD).mark_email_verified()
    bob_client = log_in("bob@example.org")
    request_deletion(log_in())
    assert bob_client.get(HOME).status_code == 200


def test_mail_states_the_date_and_how_to_cancel(ada, log_in):
    request_deletion(log_in())
    (message,) = mail.outbox
    date = get_erase_after(ada)
    assert message.to == ["ada@example.org"]
    assert f"{date.day} {date:%B %Y}" in message.body
    assert f"{date:%H:%M} UTC" in message.body
    assert link_in(message, "accounts") == DELETE
    assert message.alternatives[0].mimetype == "text/html"


def test_link_in_the_mail_ignores_the_host_header(ada, log_in, settings):
    settings.ALLOWED_HOSTS = ["*"]
    client = log_in()
    client.post(DELETE, {"password": PASSWORD}, headers={"host": "evil.example"})
    assert "evil.example" not in mail.outbox[0].body
    assert settings.SITE_URL + DELETE in mail.outbox[0].body


@pytest.mark.parametrize("failure", [ConnectionRefusedError, TimeoutError])
def test_deletion_is_scheduled_while_the_mail_server_is_down(
    ada, log_in, monkeypatch, caplog, failure
):
    def refuse(*args, **kwargs):
        raise failure

    client = log_in()
    monkeypatch.setattr("django.core.mail.message.EmailMessage.send", refuse)
    assert request_deletion(client).status_code == 302
    assert get_erase_after(ada)
    assert "mail not sent" in caplog.text


def test_second_request_does_not_move_the_date(ada, log_in):
    client = log_in()
    request_deletion(client)
    date = get_erase_after(ada)
    request_deletion(client)
    assert get_erase_after(ada) == date
    user = User.objects.get(pk=ada.pk)
    User.objects.filter(pk=ada.pk).update(erase_after=date - dt.timedelta(days=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "_notify", lambda *args: None)
        erasure.schedule_deletion(user, None)
    assert get_erase_after(ada) == date - dt.timedelta(days=1)


def test_account_can_be_used_until_the_date(ada, log_in):
    request_deletion(log_in())
    client = log_in()
    page = client.get(HOME)
    assert page.status_code == 200
    assert "will be deleted on" in page.text
    assert f'datetime="{get_erase_after(ada):%Y-%m-%dT%H:%M:%SZ}"' in page.text
    profile = {"display_name": "Ada L.", "bio": "", "time_zone": "UTC"}
    assert client.post("/accounts/profile/", profile).status_code == 302


def test_deletion_is_cancelled_with_one_click(ada, log_in):
    request_deletion(log_in())
    client = log_in()
    response = client.post(CANCEL, follow=True)
    assert get_erase_after(ada) is None
    assert "Welcome back" in response.text
    assert "will be deleted on" not in response.text
    assert mail.outbox[-1].subject == "Your MomentVerse account stays"
    assert link_in(mail.outbox[-1], "accounts") == HOME


def test_cancelling_without_a_request_changes_nothing(ada, log_in):
    response = log_in().post(CANCEL, follow=True)
    assert response.status_code == 200
    assert "Welcome back" not in response.text
    assert not mail.outbox


def test_cancelling_requires_a_post(ada, log_in):
    client = log_in()
    request_deletion(client)
    assert client.get(CANCEL).status_code == 405
    assert get_erase_after(ada)


def test_nobody_else_can_cancel_the_deletion(ada, log_in):
    User.objects.create_user("bob@example.org", "bob", PASSWORD).mark_email_verified()
    request_deletion(log_in())
    log_in("bob@example.org").post(CANCEL, {"user": ada.pk})
    assert get_erase_after(ada)


def test_deletion_cannot_be_cancelled_after_the_date(ada, log_in):
    client = log_in()
    past = timezone.now() - dt.timedelta(seconds=1)
    User.objects.filter(pk=ada.pk).update(erase_after=past)
    client.post(CANCEL)
    assert get_erase_after(ada) == past
    page = client.get(DELETE).text
    assert "Keep my account" not in page
    assert "being deleted" in page


def test_only_admin_cannot_be_deleted():
    admin = User.objects.create_superuser("root@example.org", "chief", PASSWORD)
    User.objects.create_superuser("gone@example.org", "gone", PASSWORD, is_active=False)
    client = Client()
    client.force_login(admin)
    response = client.post(DELETE, {"password": PASSWORD}, follow=True)
    assert "You are the only admin" in response.text
    assert get_erase_after(admin) is None
    assert not mail.outbox


def test_only_one_of_two_admins_can_be_deleted():
    clients = []
    for name in ("one", "two"):
        admin = User.objects.create_superuser(f"{name}@example.org", f"{name}-admin", PASSWORD)
        client = Client()
        client.force_login(admin)
        clients.append(client)
    texts = [client.post(DELETE, {"password": PASSWORD}, follow=True).text for client in clients]
    assert "Keep my account" in texts[0]
    assert "You are the only admin" in texts[1]


def test_curator_cannot_be_deleted():
    curator = User.objects.get_or_create_curator("heritage", "Heritage")
    client = Client()
    client.force_login(curator)
    assert "collections" in client.post(DELETE, follow=True).text
    assert get_erase_after(curator) is None


def test_member_of_a_group_can_be_deleted(ada, log_in):
    ada.groups.add(Group.objects.create(name="Astronomers"))
    request_deletion(log_in())
    assert get_erase_after(ada)
