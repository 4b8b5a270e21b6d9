"""Every form that a guesser or a flood could use is limited, not only the one to log in."""

from __future__ import annotations

import pytest
from allauth.mfa.totp.internal import auth
from django.core import mail
from django.test import Client

from accounts.models import KnownNetwork, User
from tests.accounts.conftest import PASSWORD
from tests.support.attempts import (
    HOME,
    REFUSED,
    post,
    repeat,
    request_reset,
    sign_up,
    try_login,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


def test_admin_login_is_limited(ada):
    def enter_admin():
        return post("/admin/login/", {"username": "ada@example.org", "password": "wrong"})

    statuses = repeat(6, enter_admin)
    assert REFUSED not in statuses[:5]
    assert statuses[5] == REFUSED
    assert try_login().status_code == REFUSED


def test_reauthentication_is_limited(ada, log_in):
    client = log_in()

    def confirm(password="wrong"):
        return post("/accounts/reauthenticate/", {"password": password}, client=client)

    repeat(4, confirm)
    assert confirm(PASSWORD).status_code == 302
    assert repeat(6, confirm) == [200] * 5 + [REFUSED]
    assert try_login().status_code == REFUSED


def test_password_change_is_limited(ada, log_in):
    client = log_in()
    new = "another perfectly long passphrase"

    def change(old="wrong", to=new):
        fields = {"oldpassword": old, "password1": to, "password2": to}
        return post("/accounts/password/change/", fields, client=client)

    repeat(4, change)
    assert change(PASSWORD).status_code == 302
    assert repeat(6, change) == [200] * 5 + [REFUSED]


def test_account_deletion_is_limited(ada, log_in):
    client = log_in()
    statuses = repeat(6, lambda: post("/accounts/delete/", {"password": "wrong"}, client=client))
    assert REFUSED not in statuses[:5]
    assert statuses[5] == REFUSED
    ada.refresh_from_db()
    assert ada.erase_after is None


@pytest.fixture
def totp_secret(ada):
    """The secret of Ada's second factor, which is on."""
    secret = auth.generate_totp_secret()
    auth.TOTP.activate(ada, secret)
    return secret


def current_code(secret):
    counter = next(iter(auth.yield_hotp_counters_from_time()))
    return auth.format_hotp_value(auth.hotp_value(secret, counter))


def submit_code(client, value="000000", network=HOME):
    return post("/accounts/2fa/authenticate/", {"code": value}, network, client=client)


def enter_password(network=HOME):
    """Return a client that has logged in with the password and has yet to enter the code."""
    client = Client()
    assert "2fa" in try_login(password=PASSWORD, network=network, client=client)["Location"]
    return client


def test_codes_are_limited(totp_secret):
    client = enter_password()
    assert repeat(6, lambda: submit_code(client)) == [200] * 5 + [REFUSED]


def test_codes_are_counted_per_account(totp_secret):
    """Neither a new session nor a new network gives more attempts."""
    statuses = []
    for number in range(12):
        network = f"198.51.100.{number}"
        statuses.append(submit_code(enter_password(network), network=network).status_code)
    assert statuses == [200] * 10 + [REFUSED] * 2


def test_right_code_resets_codes_and_passwords(totp_secret, ada):
    repeat(4, try_login)
    client = enter_password()
    repeat(4, lambda: submit_code(client))
    assert submit_code(client, current_code(totp_secret)).status_code == 302
    assert client.get("/accounts/").status_code == 200
    assert KnownNetwork.objects.filter(user=ada).count() == 1
    assert repeat(5, try_login) == [200] * 5


def test_password_alone_resets_nothing(totp_secret):
    """A thief who knows the password, but not the code, gets no new attempts by logging in again."""
    repeat(3, try_login)
    enter_password()
    enter_password()
    assert try_login(password=PASSWORD).status_code == REFUSED
    assert not KnownNetwork.objects.exists()


def test_right_password_does_not_reset_codes(totp_secret, ada):
    client = Client()
    client.force_login(ada)
    wrong = {"code": "000000"}

    def confirm_code():
        return post("/accounts/2fa/reauthenticate/", wrong, client=client)

    assert repeat(5, confirm_code) == [200] * 5
    assert (
        post("/accounts/reauthenticate/", {"password": PASSWORD}, client=client).status_code == 302
    )
    assert confirm_code().status_code == REFUSED


def test_code_without_a_pending_login_is_not_counted():
    assert repeat(7, lambda: submit_code(Client())) == [302] * 7


def test_redirect_to_login_is_not_counted():
    statuses = repeat(7, lambda: post("/accounts/reauthenticate/", {"password": "x"}))
    assert statuses == [302] * 7


def test_signup_is_limited():
    assert repeat(6, sign_up) == [200] * 5 + [REFUSED]


def test_signups_from_one_network_are_limited():
    statuses = [sign_up(f"person{n}@example.org").status_code for n in range(31)]
    assert statuses == [200] * 30 + [REFUSED]


@pytest.mark.parametrize("email", ["ada@example.org", "eve@example.org"])
def test_password_resets_are_limited_for_any_address(ada, email):
    assert repeat(6, lambda: request_reset(email)) == [302] * 5 + [REFUSED]
    assert len(mail.outbox) <= 5


def test_mailbox_cannot_be_flooded_from_many_networks(ada):
    statuses = [request_reset(network=f"198.51.100.{n}").status_code for n in range(12)]
    assert statuses == [302] * 10 + [REFUSED] * 2
    assert len(mail.outbox) == 10


def test_mails_to_a_new_address_are_limited(ada, log_in):
    client = log_in()

    def change():
        fields = {"email": "new@example.org", "action_add": ""}
        return post("/accounts/email/", fields, client=client)

    statuses = repeat(6, change)
    assert REFUSED not in statuses[:5]
    assert statuses[5] == REFUSED


def test_logins_with_an_unverified_address_are_limited(ada):
    """Each of them sends a mail, and whoever created the account knows its password."""
    ada.emailaddress_set.update(verified=False)
    statuses = repeat(7, lambda: try_login(password=PASSWORD))
    assert statuses == [302] * 5 + [REFUSED] * 2
    assert len(mail.outbox) <= 5


def test_claims_are_limited_per_user(ada):
    """Edge case 17: a hold blocks a span for others, so a script must not place hold after hold."""
    client = Client()
    client.force_login(ada)
    responses = [post("/claim/hold/", {}, client=client) for _ in range(31)]
    assert REFUSED not in [response.status_code for response in responses[:30]]
    assert responses[30].status_code == REFUSED
    assert int(responses[30]["Retry-After"]) > 0
    assert client.get("/claim/", REMOTE_ADDR=HOME).status_code == 200
    other = Client()
    other.force_login(User.objects.create_user("bob@example.org", "bob"))
    assert post("/claim/hold/", {}, client=other).status_code != REFUSED
