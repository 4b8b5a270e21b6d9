"""Passwords are hashed slowly, and no more than two at once."""

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


def test_its_parameters_are_in_the_hash():
    encoded = make_password("a long enough password")
    parameters = argon2.extract_parameters(encoded.removeprefix("argon2"))
    assert parameters.type is argon2.Type.ID
    assert parameters.memory_cost == 64 * 1024
    assert parameters.time_cost == 3
    assert parameters.parallelism == 1
    assert isinstance(identify_hasher(encoded), Argon2idPasswordHasher)


def test_a_hash_with_other_parameters_is_made_anew():
    class Weaker(Argon2PasswordHasher):
        time_cost, memory_cost, parallelism = 1, 8 * 1024, 1

    encoded = Weaker().encode("a long enough password", "some-salt-of-some-length")
    renewed = []
    assert check_password("a long enough password", encoded, setter=renewed.append)
    assert renewed == ["a long enough password"]


def test_the_same_password_never_has_the_same_hash():
    assert make_password("a long enough password") != make_password("a long enough password")


def test_a_long_password_counts_to_its_end():
    encoded = make_password("x" * 128)
    assert not check_password("x" * 127 + "y", encoded)


def test_so_many_are_hashed_at_once_and_no_more(monkeypatch):
    running, most = [], []
    lock, gate = threading.Lock(), threading.Event()

    def slow(self, password, salt):
        with lock:
            running.append(password)
            most.append(len(running))
            if len(running) == MAX_CONCURRENT_HASHES:
                gate.set()
        assert gate.wait(10)
        with lock:
            running.remove(password)
        return "argon2$"

    monkeypatch.setattr(Argon2PasswordHasher, "encode", slow)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: make_password(f"password {n}"), range(8)))
    assert max(most) == MAX_CONCURRENT_HASHES
