"""Attempts over a limit are refused, and all others are not affected."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
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
from tests.support.attempts import (
    ELSEWHERE,
    HOME,
    REFUSED,
    repeat,
    request_reset,
    sign_up,
    try_login,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


@pytest.fixture(autouse=True)
def hashed_passwords(monkeypatch):
    """Record the passwords that are hashed or compared with a hash."""
    passwords = []
    originals = Argon2idPasswordHasher.encode, Argon2idPasswordHasher.verify

    def encode(self, password, salt):
        passwords.append(password)
        return originals[0](self, password, salt)

    def verify(self, password, encoded):
        passwords.append(password)
        return originals[1](self, password, encoded)

    monkeypatch.setattr(Argon2idPasswordHasher, "encode", encode)
    monkeypatch.setattr(Argon2idPasswordHasher, "verify", verify)
    return passwords


def test_it_works(ada):
    assert repeat(7, try_login) == [200] * 5 + [REFUSED] * 2


def test_right_password_is_refused_over_the_limit(ada):
    repeat(5, try_login)
    assert try_login(password=PASSWORD).status_code == REFUSED


def test_refused_attempt_computes_no_hash(ada, hashed_passwords):
    repeat(5, try_login)
    hashed_passwords.clear()
    repeat(5, try_login)
    assert hashed_passwords == []


def test_refusal_states_when_to_try_again(ada):
    repeat(5, try_login)
    response = try_login()
    seconds = int(response["Retry-After"])
    assert 1 <= seconds <= 15 * 60
    assert re.search(
        r"You can try again in \d+ (minutes|seconds?), at \d\d:\d\d UTC\.", response.text
    )
    assert "A little slower" in response.text
    assert "no-store" in response["Cache-Control"]


def test_retry_time_is_formatted():
    assert _format_retry_time(1).startswith("You can try again in 1 second, at ")
    assert _format_retry_time(60).startswith("You can try again in 60 seconds, at ")
    assert _format_retry_time(61).startswith("You can try again in 2 minutes, at ")
    assert _format_retry_time(900).startswith("You can try again in 15 minutes, at ")


def test_retry_after_is_exact_to_the_second(ada, frozen_clock):
    repeat(5, try_login)
    seconds = int(try_login()["Retry-After"])
    frozen_clock.now += seconds - 1
    assert try_login().status_code == REFUSED
    frozen_clock.now += 1
    assert try_login().status_code == 200


def test_retry_after_is_the_longest_wait_of_all_limits(ada, frozen_clock):
    """The account's limit is twenty an hour, so the wait does not end with the quarter of an hour."""
    for number in range(20):
        try_login(network=f"198.51.100.{number}")
    fresh = "192.0.2.1"
    seconds = int(try_login(network=fresh)["Retry-After"])
    frozen_clock.now += seconds - 1
    assert try_login(network=fresh).status_code == REFUSED
    frozen_clock.now += 1
    assert try_login(network=fresh).status_code == 200


def test_success_resets_the_count(ada):
    repeat(4, try_login)
    assert try_login(password=PASSWORD).status_code == 302
    assert repeat(6, try_login) == [200] * 5 + [REFUSED]


def test_success_does_not_reset_other_accounts(ada):
    assert repeat(5, lambda: try_login("bob@example.org")) == [200] * 5
    assert try_login(password=PASSWORD).status_code == 302
    assert try_login("bob@example.org").status_code == REFUSED


def test_successes_are_not_counted(ada):
    """Many users who log in from one network are no attack."""
    for _ in range(60):
        assert try_login(password=PASSWORD).status_code == 302
        KnownNetwork.objects.all().delete()
    assert try_login("bob@example.org").status_code == 200


# Headers that differ between any two responses, or that depend on the entered address alone and not on
# whether it has an account.
VARYING_HEADERS = {"X-Request-ID", "Expires", "Content-Length", "Retry-After"}


def comparable_parts(response, email):
    """Return what an attacker could compare: a response without the parts that differ each time."""
    body = re.sub(r'value="[^"]*"', "", response.text.replace(email, "…"))
    # The window of each count ends at an offset that depends on its key.
    body = re.sub(r"again in .* UTC", "…", body)
    headers = {
        name: value
        for name, value in response.items()
        if name not in VARYING_HEADERS and not name.startswith("RateLimit")
    }
    return response.status_code, body, headers, sorted(response.cookies)


def test_responses_do_not_reveal_accounts(ada, hashed_passwords):
    hashed_passwords.clear()
    known = [comparable_parts(try_login("ada@example.org"), "ada@example.org") for _ in range(7)]
    hashes = len(hashed_passwords)
    unknown = [comparable_parts(try_login("eve@example.org"), "eve@example.org") for _ in range(7)]
    assert known == unknown
    assert [response[0] for response in unknown] == [200] * 5 + [REFUSED] * 2
    assert len(hashed_passwords) == 2 * hashes == 10


@pytest.mark.parametrize(
    "spelling",
    ["ADA@Example.ORG", "  ada@example.org ", "\uff41da@example.org", "ada@example.org\u2003"],
)
def test_spellings_of_one_address_share_a_count(ada, spelling):
    repeat(5, try_login)
    assert try_login(spelling).status_code == REFUSED


def test_equivalent_letters_share_a_count():
    repeat(5, lambda: try_login("kim@example.org"))
    assert try_login("k\u0131m@example.org").status_code == REFUSED
    assert try_login("\u212aim@example.org").status_code == REFUSED


@pytest.mark.parametrize("email", ["", "no address", "a" * 5000, "\u202e@\0", "\0", "ä@ö.ü"])
def test_invalid_address_is_counted_without_an_error(email):
    statuses = repeat(6, lambda: try_login(email))
    assert set(statuses[:5]) <= {200, 400}
    assert statuses[5] in {REFUSED, 400}


def test_lone_surrogate_is_refused():
    """A form whose charset can encode a lone surrogate is not parsed at all."""
    field = 'Content-Disposition: form-data; name="username"'
    body = f"--b\r\n{field}\r\n\r\n\\ud800\r\n--b--\r\n"
    form = "multipart/form-data; boundary=b; charset=unicode_escape"

    def enter_admin():
        return Client().generic("POST", "/admin/login/", body, form, REMOTE_ADDR=HOME)

    assert repeat(6, enter_admin) == [400] * 6


def test_ipv6_network_of_64_bits_counts_as_one(ada):
    statuses = [try_login(network=f"2001:db8:1:2::{n:x}").status_code for n in range(6)]
    assert statuses == [200] * 5 + [REFUSED]
    assert try_login(network="2001:db8:1:3::1").status_code == 200


def test_forged_forwarded_for_header_is_ignored(ada):
    statuses = [try_login(HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code for n in range(6)]
    assert statuses == [200] * 5 + [REFUSED]


def test_forwarded_for_header_of_trusted_proxies_is_used(ada, settings):
    settings.TRUSTED_PROXIES = 1
    forged = [
        try_login(HTTP_X_FORWARDED_FOR=f"192.0.2.{n}, {ELSEWHERE}").status_code for n in range(6)
    ]
    assert forged == [200] * 5 + [REFUSED]
    assert try_login(HTTP_X_FORWARDED_FOR="192.0.2.77").status_code == 200


def test_network_is_limited_across_accounts():
    statuses = [try_login(f"person{n}@example.org").status_code for n in range(52)]
    assert statuses == [200] * 50 + [REFUSED] * 2
    assert try_login(network=ELSEWHERE).status_code == 200


def test_account_is_limited_across_networks(ada):
    statuses = [try_login(network=f"198.51.100.{n}").status_code for n in range(22)]
    assert statuses == [200] * 20 + [REFUSED] * 2
    assert try_login("bob@example.org", network="198.51.100.99").status_code == 200


def test_refused_attempt_does_not_count_against_other_limits(ada):
    repeat(60, try_login)
    assert try_login("bob@example.org").status_code == 200
    assert try_login(network=ELSEWHERE).status_code == 200


def test_refusal_of_a_network_does_not_count_against_the_account(ada, frozen_clock):
    for number in range(50):
        try_login(f"person{number}@example.org")
    repeat(9, try_login)
    assert try_login(network=ELSEWHERE).status_code == 200
    frozen_clock.now += 15 * 60
    assert repeat(5, try_login) == [200] * 5


def test_stranger_cannot_lock_the_owner_out(ada):
    """Edge case 24. Log-in continues to work on the networks from which the owner has logged in before."""
    assert try_login(password=PASSWORD).status_code == 302
    for number in range(30):
        try_login(network=f"198.51.100.{number}")
    assert try_login(password=PASSWORD, network="198.51.100.200").status_code == REFUSED
    assert repeat(4, try_login) == [200] * 4
    assert try_login(password=PASSWORD).status_code == 302


def test_neighbours_cannot_lock_the_owner_out(ada):
    assert try_login(password=PASSWORD).status_code == 302
    for number in range(55):
        try_login(f"person{number}@example.org")
    assert try_login("bob@example.org").status_code == REFUSED
    assert try_login(password=PASSWORD).status_code == 302


def test_failure_does_not_make_a_network_known(ada):
    repeat(3, try_login)
    assert not KnownNetwork.objects.exists()


def test_password_reset_makes_the_network_known(ada):
    """Access to the account's mail is a stronger proof than the password."""
    for number in range(30):
        try_login(network=f"198.51.100.{number}")
    assert try_login(password=PASSWORD).status_code == REFUSED
    client = Client(REMOTE_ADDR=HOME)
    client.post("/accounts/password/reset/", {"email": ada.email})
    page = client.get(link_in(mail.outbox[-1], "reset/key"))
    new = "another perfectly long passphrase"
    client.post(page["Location"], {"password1": new, "password2": new})
    assert try_login(password=new).status_code == 302


def test_kinds_of_attempts_are_counted_separately(ada):
    repeat(6, try_login)
    assert request_reset().status_code == 302
    assert sign_up("ada@example.org").status_code == 200


def test_get_requests_are_not_counted(ada):
    repeat(6, try_login)
    assert {Client().get(LOGIN, REMOTE_ADDR=HOME).status_code for _ in range(8)} == {200}


def test_form_of_another_site_is_not_counted(ada):
    for _ in range(8):
        strict = Client(enforce_csrf_checks=True)
        assert try_login(client=strict).status_code == 403
    assert try_login().status_code == 200


def test_limit_cannot_be_bypassed_with_another_method(ada):
    repeat(5, try_login)
    assert Client().put(LOGIN, "login=ada@example.org", REMOTE_ADDR=HOME).status_code in (200, 405)
    body = "login=ada%40example.org&password=wrong"
    form = "application/x-www-form-urlencoded"
    response = Client().generic("POST", LOGIN, body, content_type=form, REMOTE_ADDR=HOME)
    assert response.status_code == REFUSED


def test_every_limited_view_exists():
    """A view would no longer be limited if it were renamed."""
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


def test_cache_keys_contain_no_address(ada, monkeypatch):
    seen = []
    add = type(caches["throttle"]).add
    monkeypatch.setattr(
        type(caches["throttle"]),
        "add",
        lambda self, key, *args, **more: seen.append(key) or add(self, key, *args, **more),
    )
    try_login()
    assert len(seen) == 3
    assert not any("@" in key or HOME in key for key in seen)


@pytest.mark.django_db(transaction=True)
def test_five_of_twenty_concurrent_attempts_pass(ada, hashed_passwords):
    hashed_passwords.clear()

    def try_once(_):
        try:
            return try_login().status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(try_once, range(20)))
    assert statuses == [200] * 5 + [REFUSED] * 15
    assert len(hashed_passwords) == 5


def test_deleting_a_user_deletes_their_networks(ada):
    try_login(password=PASSWORD)
    assert KnownNetwork.objects.count() == 1
    User.objects.filter(pk=ada.pk).delete()
    assert not KnownNetwork.objects.exists()
