"""``erase_accounts`` erases the accounts whose deletion is due, one after another (edge case 14)."""

from __future__ import annotations

import datetime as dt
import io
import threading

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import KnownNetwork, User
from accounts.privacy import erasure, registry
from accounts.privacy.registry import Source
from tests.accounts.conftest import LOGIN, PASSWORD

pytestmark = pytest.mark.django_db


def erase_accounts() -> str:
    out = io.StringIO()
    call_command("erase_accounts", stdout=out)
    return out.getvalue()


def make_erasure_due(user: User, **more) -> None:
    """Let the days in which the user could cancel be over. ``more`` sets further fields."""
    past = timezone.now() - dt.timedelta(seconds=1)
    User.objects.filter(pk=user.pk).update(erase_after=past, **more)


def create_log_entry(staff: User, about, **more) -> LogEntry:
    fields = {"object_id": str(about.pk), "change_message": "A note."} | more
    return LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(about),
        object_repr=str(about),
        action_flag=CHANGE,
        **fields,
    )


@pytest.fixture
def register_erase(monkeypatch):
    """Return a function that registers an ``erase`` function of another app, for this test only."""
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))

    def add(erase) -> None:
        registry.register_source(Source("more", (), lambda user: iter(()), erase))

    return add


def test_it_works(ada):
    make_erasure_due(ada, bio="Bio", display_name="Ada", time_zone="Europe/Berlin")
    joined = ada.date_joined
    assert erase_accounts() == "1 accounts erased.\n"
    ada.refresh_from_db()
    assert ada.handle.startswith("erased-")
    assert ada.email == f"{ada.handle}@erased.invalid"
    assert (ada.display_name, ada.bio, ada.time_zone) == ("", "", "UTC")
    assert (ada.is_active, ada.erase_after, ada.last_login) == (False, None, None)
    assert not ada.has_usable_password()
    assert ada.date_joined == joined


def test_account_is_not_erased_before_it_is_due(ada):
    soon = timezone.now() + dt.timedelta(minutes=5)
    User.objects.filter(pk=ada.pk).update(erase_after=soon)
    assert erase_accounts() == "0 accounts erased.\n"
    assert erasure.erase(ada.pk) is False
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"


def test_account_without_a_request_is_not_erased(ada):
    assert erase_accounts() == "0 accounts erased.\n"
    ada.refresh_from_db()
    assert ada.is_active


def test_second_run_changes_nothing(ada):
    make_erasure_due(ada)
    erase_accounts()
    row = User.objects.values().get(pk=ada.pk)
    assert erase_accounts() == "0 accounts erased.\n"
    assert User.objects.values().get(pk=ada.pk) == row


def test_erasure_removes_all_related_data(ada, log_in):
    log_in()
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    Authenticator.objects.create(user=ada, type="totp", data={"secret": "x"})
    ada.groups.add(Group.objects.create(name="Astronomers"))
    ada.user_permissions.add(Permission.objects.first())
    make_erasure_due(ada, is_staff=True)
    erase_accounts()
    ada.refresh_from_db()
    for model in (EmailAddress, Authenticator, UserSession, Session, KnownNetwork):
        assert not model.objects.exists(), model
    assert not ada.groups.exists()
    assert not ada.user_permissions.exists()
    assert (ada.is_staff, ada.is_superuser) == (False, False)


def test_every_relation_to_a_user_is_known():
    """A new model that refers to users needs a rule for its erasure. Name it here once it has one."""
    known = {
        "account.EmailAddress", "mfa.Authenticator", "usersessions.UserSession", "accounts.KnownNetwork",
        "accounts.User_groups", "accounts.User_user_permissions",
        "timeline.Moment",  # blanked by timeline.services.personal_data.moments
        "timeline.Order",  # amounts and dates stay, notes of staff go: personal_data.orders
        "timeline.Like",  # deleted: personal_data.likes
        "timeline.Report",  # stays without names and comments: personal_data.reports
        "timeline.OrderLogEntry", "timeline.Refund",  # likewise, where the user acted as staff
        "admin.LogEntry",  # what staff did stays; notes about a user go
    }  # fmt: skip
    referring = {
        relation.related_model._meta.label
        for relation in User._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete
    }
    referring |= {User.groups.through._meta.label, User.user_permissions.through._meta.label}
    assert referring <= known, referring - known


def test_erased_user_cannot_log_in(ada, log_in):
    client = log_in()
    make_erasure_due(ada)
    erase_accounts()
    assert client.get("/accounts/").status_code == 302
    ada.refresh_from_db()
    for login in ("ada@example.org", ada.email):
        for password in (PASSWORD, "", "!"):
            Client().post(LOGIN, {"login": login, "password": password})
    assert not UserSession.objects.exists()


def test_unlisted_session_ends_too(ada, log_in):
    client = log_in()
    UserSession.objects.all().delete()
    make_erasure_due(ada)
    erase_accounts()
    assert client.get("/accounts/").status_code == 302


def test_other_users_are_not_affected(ada, log_in):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)
    bob.mark_email_verified()
    client = log_in("bob@example.org")
    make_erasure_due(ada)
    erase_accounts()
    assert client.get("/accounts/").status_code == 200
    assert EmailAddress.objects.get().user == bob


def test_handle_and_email_become_available_again(ada):
    make_erasure_due(ada)
    erase_accounts()
    new_user = User.objects.create_user("ada@example.org", "ada", PASSWORD)
    new_user.full_clean()
    new_user.mark_email_verified()
    assert new_user.pk != ada.pk


def test_erased_users_get_different_handles(ada):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)
    for user in (ada, bob):
        make_erasure_due(user)
    assert erase_accounts() == "2 accounts erased.\n"
    assert len(set(User.objects.values_list("handle_skeleton", flat=True))) == 2
    for user in User.objects.all():
        user.full_clean()


def test_admin_log_is_anonymised(ada):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)
    address = EmailAddress.objects.get(user=ada)
    about_ada = [create_log_entry(bob, ada), create_log_entry(bob, address)]
    deleted = create_log_entry(bob, address, object_id="0")
    about_bob, by_ada = create_log_entry(bob, bob), create_log_entry(ada, bob)
    make_erasure_due(ada)
    erase_accounts()
    for entry in (*about_ada, deleted):
        entry.refresh_from_db()
        assert (entry.object_repr, entry.change_message) == ("erased", "")
    for entry in (about_bob, by_ada):
        entry.refresh_from_db()
        assert (entry.object_repr, entry.change_message) == ("@bob", "A note.")
    assert by_ada.user.handle.startswith("erased-")


def test_failure_does_not_stop_other_erasures(ada, register_erase, caplog):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)

    def erase(user):
        if user.pk == ada.pk:
            raise RuntimeError("the disk is full")
        return False

    register_erase(erase)
    for user in (ada, bob):
        make_erasure_due(user)
    with pytest.raises(CommandError, match="1 accounts could not be erased"):
        erase_accounts()
    ada.refresh_from_db()
    bob.refresh_from_db()
    assert (ada.email, ada.is_active) == ("ada@example.org", True)
    assert EmailAddress.objects.filter(user=ada).exists()
    assert not bob.is_active
    assert f"account not erased: {ada.pk}" in caplog.text
    assert "ada@example.org" not in caplog.text


def test_source_is_called_until_nothing_is_left(ada, register_erase):
    calls = []

    def erase(user):
        calls.append(user.email)
        return len(calls) < 3

    register_erase(erase)
    make_erasure_due(ada)
    assert erase_accounts() == "1 accounts erased.\n"
    assert calls == ["ada@example.org"] * 3


def test_last_admin_is_not_erased(caplog):
    admin = User.objects.create_superuser("root@example.org", "chief", PASSWORD)
    make_erasure_due(admin)
    with pytest.raises(CommandError):
        erase_accounts()
    admin.refresh_from_db()
    assert admin.is_active
    assert "only admin" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_concurrent_runs_do_not_erase_the_same_user(ada, register_erase):
    erase_started, may_finish = threading.Event(), threading.Event()
    results = []

    def erase(user):
        erase_started.set()
        assert may_finish.wait(10)
        return False

    def first_run():
        results.append(erasure.erase(ada.pk))
        connection.close()

    register_erase(erase)
    make_erasure_due(ada)
    first = threading.Thread(target=first_run)
    first.start()
    try:
        assert erase_started.wait(10)
        if connection.vendor == "postgresql":  # SQLite has one writer: the second would wait
            assert erasure.erase(ada.pk) is False
    finally:
        may_finish.set()
        first.join()
    assert erasure.erase(ada.pk) is False
    assert results == [True]
