"""The networks that people are known on."""

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


def known(email="ada@example.org", network="203.0.113.7"):
    return KnownNetwork.objects.is_known(email, network)


def test_it_works(ada):
    assert not known()
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    assert known()


def test_it_is_one_persons_and_one_networks(ada, bob):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    assert not known(email="bob@example.org")
    assert not known(email="nobody@example.org")
    assert not known(network="203.0.113.8")
    KnownNetwork.objects.remember(bob, "203.0.113.7")
    assert known(email="bob@example.org")


def test_no_address_is_stored(ada):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    stored = KnownNetwork.objects.values().get()
    assert re.fullmatch("[0-9a-f]{64}", stored["network_hash"])
    assert set(stored) == {"id", "user_id", "network_hash", "last_used_at"}
    assert str(KnownNetwork.objects.get()) == "a network of @ada"


def test_another_secret_hashes_otherwise(ada, settings):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    settings.SECRET_KEY = "another secret"
    assert not known()


def test_a_second_log_in_renews(ada):
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    long_ago = timezone.now() - dt.timedelta(days=300)
    KnownNetwork.objects.update(last_used_at=long_ago)
    KnownNetwork.objects.remember(ada, "203.0.113.7")
    assert KnownNetwork.objects.get().last_used_at > long_ago + dt.timedelta(days=299)


def test_the_last_used_twenty_are_kept(ada, bob):
    KnownNetwork.objects.remember(bob, "198.51.100.1")
    KnownNetwork.objects.remember(ada, "203.0.113.0")
    for number in range(1, 20):
        KnownNetwork.objects.remember(ada, f"203.0.113.{number}")
    KnownNetwork.objects.remember(ada, "203.0.113.0")
    KnownNetwork.objects.remember(ada, "203.0.113.99")
    assert KnownNetwork.objects.filter(user=ada).count() == 20
    assert not known(network="203.0.113.1")
    assert known(network="203.0.113.0")
    assert known(network="203.0.113.99")
    assert known("bob@example.org", "198.51.100.1")


def test_a_log_in_is_remembered_and_a_64_is_one(ada):
    entry = {"login": "ada@example.org", "password": PASSWORD}
    Client().post(LOGIN, entry, REMOTE_ADDR="2001:db8:1:2::3")
    assert known(network="2001:db8:1:2::/64")
    assert KnownNetwork.objects.count() == 1


def test_no_network_is_not_remembered(ada):
    """Behind a socket all would be on one, and all would be known there."""
    Client().force_login(ada)  # by a request without an address
    assert not KnownNetwork.objects.exists()


def test_knowing_takes_one_query(ada, django_assert_num_queries):
    with django_assert_num_queries(1):
        known()
