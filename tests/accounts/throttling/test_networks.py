"""The networks that users have logged in from."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import KnownNetwork, User
from tests.accounts.conftest import LOGIN, PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob():
    return User.objects.create_user("bob@example.org", "bob")


def is_known(email="ada@example.org", network="203.0.113.7"):
    return KnownNetwork.objects.is_known(email, network)


def test_it_works(ada):
    assert not is_known()
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    assert is_known()


def test_known_network_is_stored_per_user(ada, bob):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    assert not is_known(email="bob@example.org")
    assert not is_known(email="nobody@example.org")
    assert not is_known(network="203.0.113.8")
    KnownNetwork.objects.remember(bob, "203.0.113.7")
    assert is_known(email="bob@example.org")


def test_no_address_is_stored(ada):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    stored = KnownNetwork.objects.values().get()
    assert re.fullmatch("[0-9a-f]{64}", stored["network_hash"])
    assert set(stored) == {"id", "user_id", "network_hash", "last_used_at"}
    assert str(KnownNetwork.objects.get()) == "a network of @ada"


def test_hash_depends_on_the_secret_key(ada, settings):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    settings.SECRET_KEY = "another secret"
    assert not is_known()


def test_second_login_updates_the_time(ada):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    long_ago = timezone.now() - dt.timedelta(days=300)
    KnownNetwork.objects.update(last_used_at=long_ago)
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    assert KnownNetwork.objects.get().last_used_at > long_ago + dt.timedelta(days=299)


def test_most_recently_used_twenty_are_kept(ada, bob):
    KnownNetwork.objects.remember(bob, "198.51.100.1")
    KnownNetwork.objects.remember(ada, "203.0.113.0")
    for number in range(1, 20):
        KnownNetwork.objects.remember(ada, f"203.0.113.{number}")
    KnownNetwork.objects.remember(ada, "203.0.113.0")
    KnownNetwork.objects.remember(ada, "203.0.113.99")
    assert KnownNetwork.objects.filter(user=ada).count() == 20
    assert not is_known(network="203.0.113.1")
    assert is_known(network="203.0.113.0")
    assert is_known(network="203.0.113.99")
    assert is_known("bob@example.org", "198.51.100.1")


def test_login_stores_an_ipv6_network_of_64_bits(ada):
    entry = {"login": "ada@example.org", "password": PASSWORD}
    Client().post(LOGIN, entry, REMOTE_ADDR="2001:db8:1:2::3")
    assert is_known(network="2001:db8:1:2::/64")
    assert KnownNetwork.objects.count() == 1


def test_login_without_a_network_is_not_stored(ada):
    """Behind a Unix socket all users would share one network, and it would be known for all of them."""
    Client().force_login(ada)  # by a request without an address
    assert not KnownNetwork.objects.exists()


def test_lookup_takes_one_query(ada, django_assert_num_queries):
    with django_assert_num_queries(1):
        is_known()
