"""A person: logs in by e-mail, is known by a handle; both whatever their case."""

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


def test_a_display_name_is_shown_instead_of_the_handle():
    assert User(handle="ada", display_name="Ada L.").name == "Ada L."


def test_case_does_not_matter():
    user = User.objects.create_user(" Ada@Example.ORG ", " Ada ", "a long enough password")
    assert (user.email, user.handle) == ("ada@example.org", "ada")
    assert User.objects.get_by_natural_key("ADA@example.org") == user
    assert Client().login(username="ADA@EXAMPLE.org", password="a long enough password")


def test_checking_folds_case_before_it_looks():
    user = User(email="Ada@Example.ORG", handle="Ada", password="!")
    user.full_clean()
    assert (user.email, user.handle) == ("ada@example.org", "ada")


@pytest.mark.parametrize("field", ["email", "handle"])
def test_one_address_and_one_handle_is_one_person(field):
    User.objects.create_user("ada@example.org", "ada")
    other = {"email": "bob@example.org", "handle": "bob"} | {
        field: {"email": "ADA@example.org", "handle": "ADA"}[field]
    }
    with pytest.raises(ValidationError) as refusal:
        User(password="!", **other).full_clean()
    assert set(refusal.value.message_dict) == {field}
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(**other)


@pytest.mark.parametrize("field", ["email", "handle"])
def test_the_database_takes_lower_case_only(field):
    user = User.objects.create_user("ada@example.org", "ada")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(**{field: "UPPER@EXAMPLE.ORG"})


@pytest.mark.parametrize("handle", ["ada", "a1", "ada-lovelace", "ada_l", "0x", "a" * 30, "a-b-c"])
def test_handles_that_may_be(handle):
    User(email="a@example.org", handle=handle, password="!").full_clean()


@pytest.mark.parametrize(
    "handle",
    [
        *["", "a", "a" * 31, "-ada", "ada-", "a--b", "a-_b", "ada lovelace", "ädä", "a.b", "a/b"],
        *["@ada", "ada\nb", "a\x00b", "ada\u200b", "аda"],
    ],
)
def test_handles_that_may_not_be(handle):
    user = User(email="a@example.org", handle=handle, password="!")
    with pytest.raises(ValidationError) as refusal:
        user.full_clean()
    assert set(refusal.value.message_dict) == {"handle"}


def test_white_space_around_a_handle_is_left_out():
    user = User(email="a@example.org", handle=" ada\n", password="!")
    user.full_clean()
    assert user.handle == "ada"


@pytest.mark.parametrize("handle", ["admin", "api", "momentverse", "Support", "nobody", "me"])
def test_reserved_handles_may_not_be(handle):
    with pytest.raises(ValidationError, match="reserved"):
        User(email="a@example.org", handle=handle, password="!").full_clean()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
def test_time_zones_that_may_be(zone):
    User(email="a@example.org", handle="ada", password="!", time_zone=zone).full_clean()


@pytest.mark.parametrize("zone", ["", "Berlin", "../../etc/passwd", "/etc/localtime", "utc\x00"])
def test_time_zones_that_may_not_be(zone):
    with pytest.raises(ValidationError):
        User(email="a@example.org", handle="ada", password="!", time_zone=zone).full_clean()


def test_without_a_password_nobody_logs_in():
    User.objects.create_user("ada@example.org", "ada")
    assert not Client().login(username="ada@example.org", password="")
    assert not Client().login(username="ada@example.org", password=None)


def test_who_may_not_log_in_does_not():
    User.objects.create_user("ada@example.org", "ada", "a long enough password", is_active=False)
    assert not Client().login(username="ada@example.org", password="a long enough password")


def test_an_admin_may_do_everything():
    admin = User.objects.create_superuser("root@example.org", "chief", "a long enough password")
    assert admin.is_staff
    assert admin.is_superuser
    assert admin.has_perm("accounts.delete_user")


def test_a_curator_is_made_once_and_logs_in_never():
    curator = User.objects.get_or_create_curator("spaceflight", "Spaceflight")
    assert User.objects.get_or_create_curator("spaceflight", "Spaceflight") == curator
    assert not curator.has_usable_password()
    assert curator.name == "Spaceflight"


def test_a_person_does_not_become_a_curator_by_their_handle():
    User.objects.create_user("ada@example.org", "spaceflight", "a long enough password")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.get_or_create_curator("spaceflight", "Spaceflight")
