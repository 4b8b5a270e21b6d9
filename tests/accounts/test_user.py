"""Users log in by e-mail and have a public handle; upper and lower case make no difference."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db


def test_it_works():
    user = User.objects.create_user("ada@example.org", "ada", "a long enough password")
    user.full_clean()
    assert str(user) == user.name == "@ada"
    assert user.check_password("a long enough password")
    assert user.is_staff is False
    assert user.is_superuser is False
    assert Client().login(username="ada@example.org", password="a long enough password")


def test_display_name_replaces_the_handle():
    assert User(handle="ada", display_name="Ada L.").name == "Ada L."


def test_email_and_handle_are_case_insensitive():
    user = User.objects.create_user(" Ada@Example.ORG ", " Ada ", "a long enough password")
    assert (user.email, user.handle) == ("ada@example.org", "ada")
    assert User.objects.get_by_natural_key("ADA@example.org") == user
    assert Client().login(username="ADA@EXAMPLE.org", password="a long enough password")


def test_validation_converts_to_lower_case():
    user = User(email="Ada@Example.ORG", handle="Ada", password="!")
    user.full_clean()
    assert (user.email, user.handle) == ("ada@example.org", "ada")


@pytest.mark.parametrize("field", ["email", "handle"])
def test_email_and_handle_are_unique(field):
    User.objects.create_user("ada@example.org", "ada")
    other = {"email": "bob@example.org", "handle": "bob"} | {
        field: {"email": "ADA@example.org", "handle": "ADA"}[field]
    }
    with pytest.raises(ValidationError) as error:
        User(password="!", **other).full_clean()
    assert set(error.value.message_dict) == {field}
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(**other)


@pytest.mark.parametrize("field", ["email", "handle"])
def test_database_refuses_upper_case(field):
    user = User.objects.create_user("ada@example.org", "ada")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**{field: "UPPER@EXAMPLE.ORG"})


@pytest.mark.parametrize("handle", ["ada", "a1", "ada-lovelace", "ada_l", "0x", "a" * 30, "a-b-c"])
def test_valid_handle_is_accepted(handle):
    User(email="a@example.org", handle=handle, password="!").full_clean()


@pytest.mark.parametrize(
    "handle",
    [
        *["", "a", "a" * 31, "-ada", "ada-", "a--b", "a-_b", "ada lovelace", "ädä", "a.b", "a/b"],
        *["@ada", "ada\nb", "a\x00b", "ada\u200b", "аda"],
    ],
)
def test_invalid_handle_is_refused(handle):
    user = User(email="a@example.org", handle=handle, password="!")
    with pytest.raises(ValidationError) as error:
        user.full_clean()
    assert set(error.value.message_dict) == {"handle"}


def test_whitespace_around_a_handle_is_stripped():
    user = User(email="a@example.org", handle=" ada\n", password="!")
    user.full_clean()
    assert user.handle == "ada"


@pytest.mark.parametrize("handle", ["admin", "api", "momentverse", "Support", "nobody", "me"])
def test_reserved_handle_is_refused(handle):
    with pytest.raises(ValidationError, match="reserved"):
        User(email="a@example.org", handle=handle, password="!").full_clean()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
def test_valid_time_zone_is_accepted(zone):
    User(email="a@example.org", handle="ada", password="!", time_zone=zone).full_clean()


@pytest.mark.parametrize("zone", ["", "Berlin", "../../etc/passwd", "/etc/localtime", "utc\x00"])
def test_invalid_time_zone_is_refused(zone):
    with pytest.raises(ValidationError):
        User(email="a@example.org", handle="ada", password="!", time_zone=zone).full_clean()


def test_user_without_a_password_cannot_log_in():
    User.objects.create_user("ada@example.org", "ada")
    assert not Client().login(username="ada@example.org", password="")
    assert not Client().login(username="ada@example.org", password=None)


def test_inactive_user_cannot_log_in():
    User.objects.create_user("ada@example.org", "ada", "a long enough password", is_active=False)
    assert not Client().login(username="ada@example.org", password="a long enough password")


def test_superuser_has_all_permissions():
    admin = User.objects.create_superuser("root@example.org", "chief", "a long enough password")
    assert admin.is_staff
    assert admin.is_superuser
    assert admin.has_perm("accounts.delete_user")


def test_curator_is_created_once_without_a_password():
    curator = User.objects.get_or_create_curator("spaceflight", "Spaceflight")
    assert User.objects.get_or_create_curator("spaceflight", "Spaceflight") == curator
    assert not curator.has_usable_password()
    assert curator.name == "Spaceflight"


def test_user_does_not_become_a_curator_by_handle():
    User.objects.create_user("ada@example.org", "spaceflight", "a long enough password")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.get_or_create_curator("spaceflight", "Spaceflight")
