"""Passwords are hashed by Argon2id with costly parameters, and at most two at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    check_password,
    identify_hasher,
    make_password,
)

from accounts.hashers import MAX_CONCURRENT_HASHES, Argon2idPasswordHasher

pytestmark = pytest.mark.hashing


def test_it_works():
    encoded = make_password("a long enough password")
    assert check_password("a long enough password", encoded)
    assert not check_password("another password", encoded)


def test_hash_contains_the_parameters():
    encoded = make_password("a long enough password")
    parameters = argon2.extract_parameters(encoded.removeprefix("argon2"))
    assert parameters.type is argon2.Type.ID
    assert parameters.memory_cost == 64 * 1024
    assert parameters.time_cost == 3
    assert parameters.parallelism == 1
    assert isinstance(identify_hasher(encoded), Argon2idPasswordHasher)


def test_hash_with_other_parameters_is_renewed():
    class Weaker(Argon2PasswordHasher):
        time_cost, memory_cost, parallelism = 1, 8 * 1024, 1

    encoded = Weaker().encode("a long enough password", "some-salt-of-some-length")
    renewed = []
    assert check_password("a long enough password", encoded, setter=renewed.append)
    assert renewed == ["a long enough password"]


def test_same_password_gets_different_hashes():
    assert make_password("a long enough password") != make_password("a long enough password")


def test_long_password_is_not_truncated():
    encoded = make_password("x" * 128)
    assert not check_password("x" * 127 + "y", encoded)


def test_number_of_concurrent_hashes_is_limited(monkeypatch):
    running, running_counts = [], []
    lock, limit_reached = threading.Lock(), threading.Event()

    def slow_encode(self, password, salt):
        with lock:
            running.append(password)
            running_counts.append(len(running))
            if len(running) == MAX_CONCURRENT_HASHES:
                limit_reached.set()
        assert limit_reached.wait(10)
        with lock:
            running.remove(password)
        return "argon2$"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", slow_encode)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: make_password(f"password {n}"), range(8)))
    assert max(running_counts) == MAX_CONCURRENT_HASHES
