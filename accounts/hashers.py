"""How passwords are hashed."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# Each hash takes 64 MiB and a core: however many log in at once, a process works on so many.
HASHES_AT_ONCE = 2
_slots = threading.BoundedSemaphore(HASHES_AT_ONCE)


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with 64 MiB, 3 passes and 1 lane.

    Source: RFC 9106, section 4, second recommended option's memory, with one
    lane because a web process hashes for many people at once.
    """

    time_cost = 3
    memory_cost = 64 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Hash, when there is room."""
        with _slots:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Compare, when there is room."""
        with _slots:
            return super().verify(password, encoded)
