"""People in the admin."""

import pytest

from accounts.models import User

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"
ADA = {"email": "Ada@Example.org", "handle": "Ada", "usable_password": "true"}


@pytest.fixture
def ada():
    return User.objects.create_user("ada@example.org", "ada", "a long enough password")


def test_it_works(admin_client, ada):
    page = admin_client.get(USERS)
    assert page.status_code == 200
    assert "ada@example.org" in page.text


@pytest.mark.parametrize("query", ["?q=ada", "?is_staff__exact=1", "?o=1.2", "?p=1"])
def test_it_is_searched_and_filtered(admin_client, ada, query):
    assert admin_client.get(USERS + query).status_code == 200


def test_others_are_sent_to_log_in(client, ada):
    client.force_login(ada)
    assert client.get(USERS).status_code == 302


def test_a_person_is_added(admin_client):
    assert admin_client.get(f"{USERS}add/").status_code == 200
    passwords = {"password1": "correct horse battery", "password2": "correct horse battery"}
    response = admin_client.post(f"{USERS}add/", ADA | passwords)
    assert response.status_code == 302, response.context["adminform"].form.errors
    user = User.objects.get(handle="ada")
    assert user.email == "ada@example.org"
    assert user.check_password("correct horse battery")


@pytest.mark.parametrize("password", ["short", "password1234", "ada@example.org"])
def test_poor_passwords_are_refused(admin_client, password):
    passwords = {"password1": password, "password2": password}
    response = admin_client.post(f"{USERS}add/", ADA | passwords)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert not User.objects.filter(handle="ada").exists()


def test_reserved_handles_are_refused(admin_client):
    passwords = {"password1": "correct horse battery", "password2": "correct horse battery"}
    response = admin_client.post(f"{USERS}add/", ADA | passwords | {"handle": "support"})
    assert "reserved" in str(response.context["adminform"].form.errors)


def test_a_person_is_changed(admin_client, ada):
    address = f"{USERS}{ada.pk}/change/"
    form = admin_client.get(address).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value not in (None, [], False)}
    response = admin_client.post(address, data | {"display_name": "Ada L.", "handle": "Ada-L"})
    assert response.status_code == 302, response.context["adminform"].form.errors
    ada.refresh_from_db()
    assert (ada.display_name, ada.handle) == ("Ada L.", "ada-l")
    assert ada.check_password("a long enough password")


def test_a_password_is_set(admin_client, ada):
    address = f"{USERS}{ada.pk}/password/"
    assert admin_client.get(address).status_code == 200
    data = {"password1": "correct horse battery", "password2": "correct horse battery"}
    response = admin_client.post(address, data | {"usable_password": "true"})
    assert response.status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("correct horse battery")


def test_a_person_is_deleted(admin_client, ada):
    address = f"{USERS}{ada.pk}/delete/"
    assert admin_client.get(address).status_code == 200
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ada.pk).exists()


def test_a_password_hash_is_not_shown_whole(admin_client, ada):
    text = admin_client.get(f"{USERS}{ada.pk}/change/").text
    assert ada.password not in text


def test_a_million_people_are_not_counted(admin_client, ada, monkeypatch):
    monkeypatch.setattr("momentverse.admin.pagination.MAX_COUNT", 3)
    for number in range(6):
        User.objects.create_user(f"p{number}@example.org", f"p{number}")
    page = admin_client.get(USERS)
    assert page.context["cl"].paginator.count == 3


@pytest.mark.parametrize("term", ["%00", "a%00b"])
def test_a_nul_is_refused(admin_client, term):
    assert admin_client.get(f"{USERS}?q={term}").status_code == 400
