"""Password hashing."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# Each hash takes 64 MiB and a core. However many users log in at once, a process computes no
# more hashes than this at the same time; further ones wait.
MAX_CONCURRENT_HASHES = 2
_slots = threading.BoundedSemaphore(MAX_CONCURRENT_HASHES)


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with 64 MiB, 3 passes and 1 lane.

    Source: RFC 9106, section 4, the second recommended option, but with one lane
    instead of four, because a web process hashes for many users at once.
    """

    time_cost = 3
    memory_cost = 64 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _slots:
            return super().verify(password, encoded)
