"""``manage.py ensure_admin`` creates an admin account once and prints its password once."""

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
    output = ensure_admin()
    email, password = re.fullmatch(r"Admin account: (\S+)  password: (\S+)\n", output).groups()
    client = Client()
    assert client.login(username=email, password=password)
    assert client.get("/admin/").status_code == 200


def test_password_is_long_and_random():
    first = ensure_admin().split()[-1]
    User.objects.all().delete()
    second = ensure_admin().split()[-1]
    assert first != second
    assert len(first) >= 20


def test_second_call_changes_nothing():
    password = ensure_admin().split()[-1]
    before = User.objects.values().get()
    second_output = ensure_admin()
    assert User.objects.values().get() == before
    assert password not in second_output
    assert "changepassword" in second_output


def test_no_account_is_created_if_an_admin_exists():
    User.objects.create_superuser("root@example.org", "chief")
    assert "root@example.org" in ensure_admin()
    assert User.objects.count() == 1


def test_email_and_handle_can_be_chosen():
    ensure_admin(email="Me@Example.org", handle="Maker")
    assert User.objects.get().email == "me@example.org"


def test_account_passes_validation():
    ensure_admin()
    User.objects.get().full_clean()
