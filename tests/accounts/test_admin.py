"""The admin pages of users."""

import pytest

from accounts.models import User

pytestmark = pytest.mark.django_db

USERS = "/admin/accounts/user/"
USER_DATA = {"email": "Ada@Example.org", "handle": "Ada", "usable_password": "true"}


@pytest.fixture
def ada():
    return User.objects.create_user("ada@example.org", "ada", "a long enough password")


def test_it_works(admin_client, ada):
    page = admin_client.get(USERS)
    assert page.status_code == 200
    assert "ada@example.org" in page.text


@pytest.mark.parametrize("query", ["?q=ada", "?is_staff__exact=1", "?o=1.2", "?p=1"])
def test_list_can_be_searched_filtered_and_sorted(admin_client, ada, query):
    assert admin_client.get(USERS + query).status_code == 200


def test_user_without_staff_status_is_redirected_to_login(client, ada):
    client.force_login(ada)
    assert client.get(USERS).status_code == 302


def test_user_is_added(admin_client):
    assert admin_client.get(f"{USERS}add/").status_code == 200
    passwords = {"password1": "correct horse battery", "password2": "correct horse battery"}
    response = admin_client.post(f"{USERS}add/", USER_DATA | passwords)
    assert response.status_code == 302, response.context["adminform"].form.errors
    user = User.objects.get(handle="ada")
    assert user.email == "ada@example.org"
    assert user.check_password("correct horse battery")


@pytest.mark.parametrize("password", ["short", "password1234", "ada@example.org"])
def test_weak_password_is_refused(admin_client, password):
    passwords = {"password1": password, "password2": password}
    response = admin_client.post(f"{USERS}add/", USER_DATA | passwords)
    assert response.status_code == 200
    assert response.context["adminform"].form.errors
    assert not User.objects.filter(handle="ada").exists()


def test_reserved_handle_is_refused(admin_client):
    passwords = {"password1": "correct horse battery", "password2": "correct horse battery"}
    response = admin_client.post(f"{USERS}add/", USER_DATA | passwords | {"handle": "support"})
    assert "reserved" in str(response.context["adminform"].form.errors)


def test_user_is_changed(admin_client, ada):
    url = f"{USERS}{ada.pk}/change/"
    form = admin_client.get(url).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value not in (None, [], False)}
    response = admin_client.post(url, data | {"display_name": "Ada L.", "handle": "Ada-L"})
    assert response.status_code == 302, response.context["adminform"].form.errors
    ada.refresh_from_db()
    assert (ada.display_name, ada.handle) == ("Ada L.", "ada-l")
    assert ada.check_password("a long enough password")


def test_password_is_set(admin_client, ada):
    url = f"{USERS}{ada.pk}/password/"
    assert admin_client.get(url).status_code == 200
    data = {"password1": "correct horse battery", "password2": "correct horse battery"}
    response = admin_client.post(url, data | {"usable_password": "true"})
    assert response.status_code == 302
    ada.refresh_from_db()
    assert ada.check_password("correct horse battery")


def test_user_is_deleted(admin_client, ada):
    url = f"{USERS}{ada.pk}/delete/"
    assert admin_client.get(url).status_code == 200
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=ada.pk).exists()


def test_password_hash_is_not_shown_in_full(admin_client, ada):
    text = admin_client.get(f"{USERS}{ada.pk}/change/").text
    assert ada.password not in text


def test_users_are_counted_up_to_a_maximum(admin_client, ada, monkeypatch):
    monkeypatch.setattr("momentverse.admin.pagination.MAX_COUNT", 3)
    for number in range(6):
        User.objects.create_user(f"p{number}@example.org", f"p{number}")
    page = admin_client.get(USERS)
    assert page.context["cl"].paginator.count == 3


@pytest.mark.parametrize("term", ["%00", "a%00b"])
def test_search_for_nul_is_refused(admin_client, term):
    assert admin_client.get(f"{USERS}?q={term}").status_code == 400
