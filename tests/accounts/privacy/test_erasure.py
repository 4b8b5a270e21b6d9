"""``erase_accounts``: those whose days are over, one after another; edge case 14."""

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


def run() -> str:
    out = io.StringIO()
    call_command("erase_accounts", stdout=out)
    return out.getvalue()


def let_days_pass(user: User, **more) -> None:
    ago = timezone.now() - dt.timedelta(seconds=1)
    User.objects.filter(pk=user.pk).update(erase_after=ago, **more)


def log_entry(by: User, about, **more) -> LogEntry:
    fields = {"object_id": str(about.pk), "change_message": "Words."} | more
    return LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(about),
        object_repr=str(about),
        action_flag=CHANGE,
        **fields,
    )


@pytest.fixture
def source(monkeypatch):
    """Return a function that registers what another app would erase, for this test only."""
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))

    def add(erase) -> None:
        registry.register_source(Source("more", (), lambda user: iter(()), erase))

    return add


def test_it_works(ada):
    let_days_pass(ada, bio="Bio", display_name="Ada", time_zone="Europe/Berlin")
    joined = ada.date_joined
    assert run() == "1 accounts erased.\n"
    ada.refresh_from_db()
    assert ada.handle.startswith("erased-")
    assert ada.email == f"{ada.handle}@erased.invalid"
    assert (ada.display_name, ada.bio, ada.time_zone) == ("", "", "UTC")
    assert (ada.is_active, ada.erase_after, ada.last_login) == (False, None, None)
    assert not ada.has_usable_password()
    assert ada.date_joined == joined


def test_nobody_is_erased_before_the_day(ada):
    soon = timezone.now() + dt.timedelta(minutes=5)
    User.objects.filter(pk=ada.pk).update(erase_after=soon)
    assert run() == "0 accounts erased.\n"
    assert erasure.erase(ada.pk) is False
    ada.refresh_from_db()
    assert ada.email == "ada@example.org"


def test_who_did_not_ask_stays(ada):
    assert run() == "0 accounts erased.\n"
    ada.refresh_from_db()
    assert ada.is_active


def test_a_second_run_finds_nothing(ada):
    let_days_pass(ada)
    run()
    left = User.objects.values().get(pk=ada.pk)
    assert run() == "0 accounts erased.\n"
    assert User.objects.values().get(pk=ada.pk) == left


def test_everything_that_hangs_on_the_account_goes(ada, log_in):
    log_in()
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    Authenticator.objects.create(user=ada, type="totp", data={"secret": "x"})
    ada.groups.add(Group.objects.create(name="Astronomers"))
    ada.user_permissions.add(Permission.objects.first())
    let_days_pass(ada, is_staff=True)
    run()
    ada.refresh_from_db()
    for model in (EmailAddress, Authenticator, UserSession, Session, KnownNetwork):
        assert not model.objects.exists(), model
    assert not ada.groups.exists()
    assert not ada.user_permissions.exists()
    assert (ada.is_staff, ada.is_superuser) == (False, False)


def test_what_can_hold_something_of_a_person_is_known():
    """A new model that refers to people must say what becomes of it: erase it, and name it here."""
    known = {
        "account.EmailAddress", "mfa.Authenticator", "usersessions.UserSession", "accounts.KnownNetwork",
        "accounts.User_groups", "accounts.User_user_permissions",
        "timeline.Moment",  # blanked by timeline.personal_data
        "timeline.Order",  # amounts and dates stay, what staff wrote goes: timeline.personal_orders
        "timeline.Like",  # deleted: timeline.personal_likes
        "timeline.Report",  # stays without names and words: timeline.personal_reports
        "timeline.OrderLogEntry", "timeline.Refund",  # the same, of what they did as staff
        "admin.LogEntry",  # what staff did stays; the words about a person go
    }  # fmt: skip
    referring = {
        relation.related_model._meta.label
        for relation in User._meta.get_fields(include_hidden=True)
        if relation.auto_created and not relation.concrete
    }
    referring |= {User.groups.through._meta.label, User.user_permissions.through._meta.label}
    assert referring <= known, referring - known


def test_an_erased_person_cannot_log_in(ada, log_in):
    client = log_in()
    let_days_pass(ada)
    run()
    assert client.get("/accounts/").status_code == 302
    ada.refresh_from_db()
    for login in ("ada@example.org", ada.email):
        for password in (PASSWORD, "", "!"):
            Client().post(LOGIN, {"login": login, "password": password})
    assert not UserSession.objects.exists()


def test_a_session_that_is_not_listed_ends_too(ada, log_in):
    client = log_in()
    UserSession.objects.all().delete()
    let_days_pass(ada)
    run()
    assert client.get("/accounts/").status_code == 302


def test_others_keep_everything(ada, log_in):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)
    bob.mark_email_verified()
    client = log_in("bob@example.org")
    let_days_pass(ada)
    run()
    assert client.get("/accounts/").status_code == 200
    assert EmailAddress.objects.get().user == bob


def test_the_handle_and_the_address_may_be_taken_again(ada):
    let_days_pass(ada)
    run()
    again = User.objects.create_user("ada@example.org", "ada", PASSWORD)
    again.full_clean()
    again.mark_email_verified()
    assert again.pk != ada.pk


def test_many_are_erased_to_different_names(ada):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)
    for user in (ada, bob):
        let_days_pass(user)
    assert run() == "2 accounts erased.\n"
    assert len(set(User.objects.values_list("handle_skeleton", flat=True))) == 2
    for user in User.objects.all():
        user.full_clean()


def test_the_log_of_staff_stays_without_words_about_the_person(ada):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)
    address = EmailAddress.objects.get(user=ada)
    about = [log_entry(bob, ada), log_entry(bob, address)]
    deleted = log_entry(bob, address, object_id="0")
    others, by_ada = log_entry(bob, bob), log_entry(ada, bob)
    let_days_pass(ada)
    run()
    for entry in (*about, deleted):
        entry.refresh_from_db()
        assert (entry.object_repr, entry.change_message) == ("erased", "")
    for entry in (others, by_ada):
        entry.refresh_from_db()
        assert (entry.object_repr, entry.change_message) == ("@bob", "Words.")
    assert by_ada.user.handle.startswith("erased-")


def test_a_failure_holds_nobody_up(ada, source, caplog):
    bob = User.objects.create_user("bob@example.org", "bob", PASSWORD)

    def erase(user):
        if user.pk == ada.pk:
            raise RuntimeError("the disk is full")
        return False

    source(erase)
    for user in (ada, bob):
        let_days_pass(user)
    with pytest.raises(CommandError, match="1 accounts could not be erased"):
        run()
    ada.refresh_from_db()
    bob.refresh_from_db()
    assert (ada.email, ada.is_active) == ("ada@example.org", True)
    assert EmailAddress.objects.filter(user=ada).exists()
    assert not bob.is_active
    assert f"account not erased: {ada.pk}" in caplog.text
    assert "ada@example.org" not in caplog.text


def test_a_source_with_very_much_is_asked_again(ada, source):
    calls = []

    def erase(user):
        calls.append(user.email)
        return len(calls) < 3

    source(erase)
    let_days_pass(ada)
    assert run() == "1 accounts erased.\n"
    assert calls == ["ada@example.org"] * 3


def test_the_last_admin_is_not_erased(caplog):
    admin = User.objects.create_superuser("root@example.org", "chief", PASSWORD)
    let_days_pass(admin)
    with pytest.raises(CommandError):
        run()
    admin.refresh_from_db()
    assert admin.is_active
    assert "only admin" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_two_runs_at_once_one_works_on_a_person(ada, source):
    at_work, go_on = threading.Event(), threading.Event()
    done = []

    def erase(user):
        at_work.set()
        assert go_on.wait(10)
        return False

    def first_run():
        done.append(erasure.erase(ada.pk))
        connection.close()

    source(erase)
    let_days_pass(ada)
    first = threading.Thread(target=first_run)
    first.start()
    try:
        assert at_work.wait(10)
        if connection.vendor == "postgresql":  # SQLite has one writer: the second would wait
            assert erasure.erase(ada.pk) is False
    finally:
        go_on.set()
        first.join()
    assert erasure.erase(ada.pk) is False
    assert done == [True]
