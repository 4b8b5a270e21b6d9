"""``manage.py ensure_admin``: an admin account, made once, whose password is shown once."""

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db


def ensure_admin(**options):
    output = StringIO()
    call_command("ensure_admin", stdout=output, **options)
    return output.getvalue()


def test_it_works():
    printed = ensure_admin()
    email, password = re.fullmatch(r"Admin account: (\S+)  password: (\S+)\n", printed).groups()
    client = Client()
    assert client.login(username=email, password=password)
    assert client.get("/admin/").status_code == 200


def test_its_password_is_long_and_never_the_same():
    first = ensure_admin().split()[-1]
    User.objects.all().delete()
    second = ensure_admin().split()[-1]
    assert first != second
    assert len(first) >= 20


def test_the_second_call_changes_nothing():
    password = ensure_admin().split()[-1]
    before = User.objects.values().get()
    again = ensure_admin()
    assert User.objects.values().get() == before
    assert password not in again
    assert "changepassword" in again


def test_another_admin_is_enough():
    User.objects.create_superuser("root@example.org", "chief")
    assert "root@example.org" in ensure_admin()
    assert User.objects.count() == 1


def test_the_account_may_be_named():
    ensure_admin(email="Me@Example.org", handle="Maker")
    assert User.objects.get().email == "me@example.org"


def test_it_is_an_account_that_the_forms_would_take():
    ensure_admin()
    User.objects.get().full_clean()
