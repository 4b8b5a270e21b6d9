"""What happens to whoever tries too often; and to whoever does not."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.totp.internal import auth
from django.core import mail
from django.core.cache import caches
from django.db import connections
from django.test import Client
from django.urls import get_resolver

from accounts.hashers import Argon2idPasswordHasher
from accounts.models import KnownNetwork, User
from accounts.throttling.middleware import _format_retry_time
from accounts.throttling.rules import RULES
from tests.accounts.conftest import LOGIN, PASSWORD, link_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOME = "203.0.113.7"
ELSEWHERE = "198.51.100.9"
REFUSED = 429


@pytest.fixture(autouse=True)
def hashed(monkeypatch):
    """Keep what was asked to be hashed."""
    asked = []
    work = Argon2idPasswordHasher.encode, Argon2idPasswordHasher.verify

    def encode(self, password, salt):
        asked.append(password)
        return work[0](self, password, salt)

    def verify(self, password, encoded):
        asked.append(password)
        return work[1](self, password, encoded)

    monkeypatch.setattr(Argon2idPasswordHasher, "encode", encode)
    monkeypatch.setattr(Argon2idPasswordHasher, "verify", verify)
    return asked


def post(path, fields, network=HOME, client=None, **more):
    return (client or Client()).post(path, fields, REMOTE_ADDR=network, **more)


def enter(email="ada@example.org", password="wrong", network=HOME, **more):
    return post(LOGIN, {"login": email, "password": password}, network, **more)


def statuses(times, try_it):
    return [try_it().status_code for _ in range(times)]


def test_it_works(ada):
    assert statuses(7, enter) == [200] * 5 + [REFUSED] * 2


def test_the_right_password_is_refused_as_well(ada):
    statuses(5, enter)
    assert enter(password=PASSWORD).status_code == REFUSED


def test_no_hash_is_spent_on_what_is_refused(ada, hashed):
    statuses(5, enter)
    hashed.clear()
    statuses(5, enter)
    assert hashed == []


def test_people_are_told_when_to_try_again(ada):
    statuses(5, enter)
    refused = enter()
    seconds = int(refused["Retry-After"])
    assert 1 <= seconds <= 15 * 60
    assert re.search(
        r"You can try again in \d+ (minutes|seconds?), at \d\d:\d\d UTC\.", refused.text
    )
    assert "A little slower" in refused.text
    assert "no-store" in refused["Cache-Control"]


def test_the_words_are_true():
    assert _format_retry_time(1).startswith("You can try again in 1 second, at ")
    assert _format_retry_time(60).startswith("You can try again in 60 seconds, at ")
    assert _format_retry_time(61).startswith("You can try again in 2 minutes, at ")
    assert _format_retry_time(900).startswith("You can try again in 15 minutes, at ")


def test_retry_after_is_true_to_the_second(ada, clock):
    statuses(5, enter)
    seconds = int(enter()["Retry-After"])
    clock.now += seconds - 1
    assert enter().status_code == REFUSED
    clock.now += 1
    assert enter().status_code == 200


def test_retry_after_is_the_longest_of_what_binds(ada, clock):
    """Per account too, twenty an hour: the quarter's end is not the end of waiting."""
    for number in range(20):
        enter(network=f"198.51.100.{number}")
    fresh = "192.0.2.1"
    seconds = int(enter(network=fresh)["Retry-After"])
    clock.now += seconds - 1
    assert enter(network=fresh).status_code == REFUSED
    clock.now += 1
    assert enter(network=fresh).status_code == 200


def test_success_clears(ada):
    statuses(4, enter)
    assert enter(password=PASSWORD).status_code == 302
    assert statuses(6, enter) == [200] * 5 + [REFUSED]


def test_success_does_not_clear_for_others(ada):
    assert statuses(5, lambda: enter("bob@example.org")) == [200] * 5
    assert enter(password=PASSWORD).status_code == 302
    assert enter("bob@example.org").status_code == REFUSED


def test_successes_use_nothing_up(ada):
    """A house full of people who log in is no attack."""
    for _ in range(60):
        assert enter(password=PASSWORD).status_code == 302
        KnownNetwork.objects.all().delete()
    assert enter("bob@example.org").status_code == 200


# What differs between any two answers, or says where the address stands, not the account.
ANSWERS_OWN = {"X-Request-ID", "Expires", "Content-Length", "Retry-After"}


def seen_of(response, email):
    """Return what somebody who compares answers sees, without what differs each time."""
    body = re.sub(r'value="[^"]*"', "", response.text.replace(email, "…"))
    # Each count's window ends at an offset of its own.
    body = re.sub(r"again in .* UTC", "…", body)
    headers = {
        name: value
        for name, value in response.items()
        if name not in ANSWERS_OWN and not name.startswith("RateLimit")
    }
    return response.status_code, body, headers, sorted(response.cookies)


def test_known_and_unknown_are_answered_alike(ada, hashed):
    hashed.clear()
    known = [seen_of(enter("ada@example.org"), "ada@example.org") for _ in range(7)]
    hashes = len(hashed)
    unknown = [seen_of(enter("eve@example.org"), "eve@example.org") for _ in range(7)]
    assert known == unknown
    assert [answer[0] for answer in unknown] == [200] * 5 + [REFUSED] * 2
    assert len(hashed) == 2 * hashes == 10


@pytest.mark.parametrize(
    "spelling",
    ["ADA@Example.ORG", "  ada@example.org ", "\uff41da@example.org", "ada@example.org\u2003"],
)
def test_one_address_is_one_however_it_is_written(ada, spelling):
    statuses(5, enter)
    assert enter(spelling).status_code == REFUSED


def test_letters_that_pass_for_others_are_one():
    statuses(5, lambda: enter("kim@example.org"))
    assert enter("k\u0131m@example.org").status_code == REFUSED
    assert enter("\u212aim@example.org").status_code == REFUSED


@pytest.mark.parametrize("email", ["", "no address", "a" * 5000, "\u202e@\0", "\0", "ä@ö.ü"])
def test_nonsense_is_counted_and_breaks_nothing(email):
    answers = statuses(6, lambda: enter(email))
    assert set(answers[:5]) <= {200, 400}
    assert answers[5] in {REFUSED, 400}


def test_half_a_character_breaks_nothing():
    """A form in a charset that can write a lone surrogate is not read at all."""
    field = 'Content-Disposition: form-data; name="username"'
    body = f"--b\r\n{field}\r\n\r\n\\ud800\r\n--b--\r\n"
    form = "multipart/form-data; boundary=b; charset=unicode_escape"

    def enter_admin():
        return Client().generic("POST", "/admin/login/", body, form, REMOTE_ADDR=HOME)

    assert statuses(6, enter_admin) == [400] * 6


def test_a_64_is_one_network(ada):
    answers = [enter(network=f"2001:db8:1:2::{n:x}").status_code for n in range(6)]
    assert answers == [200] * 5 + [REFUSED]
    assert enter(network="2001:db8:1:3::1").status_code == 200


def test_a_made_up_forwarded_address_changes_nothing(ada):
    answers = [enter(HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code for n in range(6)]
    assert answers == [200] * 5 + [REFUSED]


def test_our_proxies_name_the_client(ada, settings):
    settings.TRUSTED_PROXIES = 1
    forged = [enter(HTTP_X_FORWARDED_FOR=f"192.0.2.{n}, {ELSEWHERE}").status_code for n in range(6)]
    assert forged == [200] * 5 + [REFUSED]
    assert enter(HTTP_X_FORWARDED_FOR="192.0.2.77").status_code == 200


def test_many_accounts_from_one_network():
    answers = [enter(f"person{n}@example.org").status_code for n in range(52)]
    assert answers == [200] * 50 + [REFUSED] * 2
    assert enter(network=ELSEWHERE).status_code == 200


def test_one_account_from_many_networks(ada):
    answers = [enter(network=f"198.51.100.{n}").status_code for n in range(22)]
    assert answers == [200] * 20 + [REFUSED] * 2
    assert enter("bob@example.org", network="198.51.100.99").status_code == 200


def test_what_is_refused_uses_up_no_other_count(ada):
    statuses(60, enter)
    assert enter("bob@example.org").status_code == 200
    assert enter(network=ELSEWHERE).status_code == 200


def test_a_full_network_uses_up_no_account(ada, clock):
    for number in range(50):
        enter(f"person{number}@example.org")
    statuses(9, enter)
    assert enter(network=ELSEWHERE).status_code == 200
    clock.now += 15 * 60
    assert statuses(5, enter) == [200] * 5


def test_a_stranger_does_not_lock_an_owner_out(ada):
    """Edge case 24. From where the owner has logged in before, log-in goes on working."""
    assert enter(password=PASSWORD).status_code == 302
    for number in range(30):
        enter(network=f"198.51.100.{number}")
    assert enter(password=PASSWORD, network="198.51.100.200").status_code == REFUSED
    assert statuses(4, enter) == [200] * 4
    assert enter(password=PASSWORD).status_code == 302


def test_neighbours_do_not_lock_an_owner_out(ada):
    assert enter(password=PASSWORD).status_code == 302
    for number in range(55):
        enter(f"person{number}@example.org")
    assert enter("bob@example.org").status_code == REFUSED
    assert enter(password=PASSWORD).status_code == 302


def test_a_failure_makes_no_network_known(ada):
    statuses(3, enter)
    assert not KnownNetwork.objects.exists()


def test_a_reset_lets_an_owner_in_from_anywhere(ada):
    """Whoever reads the account's mail has proved more than a password does."""
    for number in range(30):
        enter(network=f"198.51.100.{number}")
    assert enter(password=PASSWORD).status_code == REFUSED
    client = Client(REMOTE_ADDR=HOME)
    client.post("/accounts/password/reset/", {"email": ada.email})
    page = client.get(link_in(mail.outbox[-1], "reset/key"))
    new = "another perfectly long passphrase"
    client.post(page["Location"], {"password1": new, "password2": new})
    assert enter(password=new).status_code == 302


def test_the_admins_log_in_is_under_it(ada):
    def enter_admin():
        return post("/admin/login/", {"username": "ada@example.org", "password": "wrong"})

    answers = statuses(6, enter_admin)
    assert REFUSED not in answers[:5]
    assert answers[5] == REFUSED
    assert enter().status_code == REFUSED


def test_asking_again_for_the_password_is_under_it(ada, log_in):
    client = log_in()

    def confirm(password="wrong"):
        return post("/accounts/reauthenticate/", {"password": password}, client=client)

    statuses(4, confirm)
    assert confirm(PASSWORD).status_code == 302
    assert statuses(6, confirm) == [200] * 5 + [REFUSED]
    assert enter().status_code == REFUSED


def test_the_old_password_is_under_it(ada, log_in):
    client = log_in()
    new = "another perfectly long passphrase"

    def change(old="wrong", to=new):
        fields = {"oldpassword": old, "password1": to, "password2": to}
        return post("/accounts/password/change/", fields, client=client)

    statuses(4, change)
    assert change(PASSWORD).status_code == 302
    assert statuses(6, change) == [200] * 5 + [REFUSED]


def test_the_password_of_a_deletion_is_under_it(ada, log_in):
    client = log_in()
    answers = statuses(6, lambda: post("/accounts/delete/", {"password": "wrong"}, client=client))
    assert REFUSED not in answers[:5]
    assert answers[5] == REFUSED
    ada.refresh_from_db()
    assert ada.erase_after is None


@pytest.fixture
def secret(ada):
    """Ada's second factor."""
    secret = auth.generate_totp_secret()
    auth.TOTP.activate(ada, secret)
    return secret


def code_of(secret):
    counter = next(iter(auth.yield_hotp_counters_from_time()))
    return auth.format_hotp_value(auth.hotp_value(secret, counter))


def code(client, value="000000", network=HOME):
    return post("/accounts/2fa/authenticate/", {"code": value}, network, client=client)


def half_in(network=HOME):
    client = Client()
    assert "2fa" in enter(password=PASSWORD, network=network, client=client)["Location"]
    return client


def test_codes_are_under_it(secret):
    client = half_in()
    assert statuses(6, lambda: code(client)) == [200] * 5 + [REFUSED]


def test_codes_are_counted_per_account(secret):
    """A new session, or a new network, is no new chance."""
    answers = []
    for number in range(12):
        network = f"198.51.100.{number}"
        answers.append(code(half_in(network), network=network).status_code)
    assert answers == [200] * 10 + [REFUSED] * 2


def test_the_right_code_clears_codes_and_passwords(secret, ada):
    statuses(4, enter)
    client = half_in()
    statuses(4, lambda: code(client))
    assert code(client, code_of(secret)).status_code == 302
    assert client.get("/accounts/").status_code == 200
    assert KnownNetwork.objects.filter(user=ada).count() == 1
    assert statuses(5, enter) == [200] * 5


def test_a_password_alone_clears_nothing(secret):
    """Who has the password and not the code gets five tries of each, not five at each log-in."""
    statuses(3, enter)
    half_in()
    half_in()
    assert enter(password=PASSWORD).status_code == REFUSED
    assert not KnownNetwork.objects.exists()


def test_a_right_password_clears_no_codes(secret, ada):
    client = Client()
    client.force_login(ada)
    wrong = {"code": "000000"}

    def confirm_code():
        return post("/accounts/2fa/reauthenticate/", wrong, client=client)

    assert statuses(5, confirm_code) == [200] * 5
    assert (
        post("/accounts/reauthenticate/", {"password": PASSWORD}, client=client).status_code == 302
    )
    assert confirm_code().status_code == REFUSED


def test_a_code_without_a_log_in_is_nobodys():
    assert statuses(7, lambda: code(Client())) == [302] * 7


def test_what_asks_for_a_log_in_counts_nobody():
    answers = statuses(7, lambda: post("/accounts/reauthenticate/", {"password": "x"}))
    assert answers == [302] * 7


def sign_up(email="eve@example.org", network=HOME, handle="eve"):
    fields = {"email": email, "username": handle, "password1": "short"}
    return post("/accounts/signup/", fields, network)


def reset(email="ada@example.org", network=HOME):
    return post("/accounts/password/reset/", {"email": email}, network)


def test_sign_up_is_under_it():
    assert statuses(6, sign_up) == [200] * 5 + [REFUSED]


def test_sign_ups_from_one_network():
    answers = [sign_up(f"person{n}@example.org").status_code for n in range(31)]
    assert answers == [200] * 30 + [REFUSED]


@pytest.mark.parametrize("email", ["ada@example.org", "eve@example.org"])
def test_resets_are_under_it_for_known_and_unknown_alike(ada, email):
    assert statuses(6, lambda: reset(email)) == [302] * 5 + [REFUSED]
    assert len(mail.outbox) <= 5


def test_nobodys_mailbox_is_flooded_from_many_networks(ada):
    answers = [reset(network=f"198.51.100.{n}").status_code for n in range(12)]
    assert answers == [302] * 10 + [REFUSED] * 2
    assert len(mail.outbox) == 10


def test_mails_of_a_new_address_are_under_it(ada, log_in):
    client = log_in()

    def change():
        fields = {"email": "new@example.org", "action_add": ""}
        return post("/accounts/email/", fields, client=client)

    answers = statuses(6, change)
    assert REFUSED not in answers[:5]
    assert answers[5] == REFUSED


def test_log_ins_to_an_unverified_address_flood_nobody(ada):
    """Each of them sends a mail, and whoever made the account knows its password."""
    ada.emailaddress_set.update(verified=False)
    answers = statuses(7, lambda: enter(password=PASSWORD))
    assert answers == [302] * 5 + [REFUSED] * 2
    assert len(mail.outbox) <= 5


def test_kinds_are_counted_apart(ada):
    statuses(6, enter)
    assert reset().status_code == 302
    assert sign_up("ada@example.org").status_code == 200


def test_looking_is_free(ada):
    statuses(6, enter)
    assert {Client().get(LOGIN, REMOTE_ADDR=HOME).status_code for _ in range(8)} == {200}


def test_another_sites_form_uses_nothing_up(ada):
    for _ in range(8):
        strict = Client(enforce_csrf_checks=True)
        assert enter(client=strict).status_code == 403
    assert enter().status_code == 200


def test_another_method_is_no_way_around(ada):
    statuses(5, enter)
    assert Client().put(LOGIN, "login=ada@example.org", REMOTE_ADDR=HOME).status_code in (200, 405)
    body = "login=ada%40example.org&password=wrong"
    form = "application/x-www-form-urlencoded"
    answer = Client().generic("POST", LOGIN, body, content_type=form, REMOTE_ADDR=HOME)
    assert answer.status_code == REFUSED


def test_each_view_it_names_is_there():
    """A view that is renamed would no longer be limited."""
    names = set()

    def walk(patterns, prefix=""):
        for pattern in patterns:
            inner = getattr(pattern, "url_patterns", None)
            if inner is None:
                names.add(f"{prefix}{pattern.name}")
            else:
                namespace = getattr(pattern, "namespace", None)
                walk(inner, f"{prefix}{namespace}:" if namespace else prefix)

    walk(get_resolver().url_patterns)
    assert set(RULES) <= names


def test_no_address_is_kept_in_the_cache(ada, monkeypatch):
    seen = []
    add = type(caches["throttle"]).add
    monkeypatch.setattr(
        type(caches["throttle"]),
        "add",
        lambda self, key, *args, **more: seen.append(key) or add(self, key, *args, **more),
    )
    enter()
    assert len(seen) == 3
    assert not any("@" in key or HOME in key for key in seen)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_five_pass(ada, hashed):
    hashed.clear()

    def one(_):
        try:
            return enter().status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(one, range(20)))
    assert answers == [200] * 5 + [REFUSED] * 15
    assert len(hashed) == 5


def test_erasing_a_person_erases_their_networks(ada):
    enter(password=PASSWORD)
    assert KnownNetwork.objects.count() == 1
    User.objects.filter(pk=ada.pk).delete()
    assert not KnownNetwork.objects.exists()


def test_claims_are_limited_by_person(ada):
    """Edge case 17: what is held costs others something, so a script cannot hold on and on."""
    client = Client()
    client.force_login(ada)
    answers = [post("/claim/hold/", {}, client=client) for _ in range(31)]
    assert REFUSED not in [answer.status_code for answer in answers[:30]]
    assert answers[30].status_code == REFUSED
    assert int(answers[30]["Retry-After"]) > 0
    assert client.get("/claim/", REMOTE_ADDR=HOME).status_code == 200
    other = Client()
    other.force_login(User.objects.create_user("bob@example.org", "bob"))
    assert post("/claim/hold/", {}, client=other).status_code != REFUSED
