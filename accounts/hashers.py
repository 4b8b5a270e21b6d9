"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with 64 MiB, 3 passes and 1 lane.

    Source: RFC 9106, section 4, second recommended option's memory, with one
    lane because a web process hashes for many people at once.
    """

    time_cost = 3
    memory_cost = 64 * 1024  # KiB
    parallelism = 1
