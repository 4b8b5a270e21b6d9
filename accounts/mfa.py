"""The second factor: what is stored of it, and who must have one."""

from __future__ import annotations

import base64
import hashlib

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Stores the secrets of authenticators encrypted, so that a copy of the database opens nothing.

    The key is derived from ``SECRET_KEY``; what was stored under one of
    ``SECRET_KEY_FALLBACKS`` can still be read.
    """

    def encrypt(self, text: str) -> str:
        """Return ``text`` as it is stored."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was stored. Raises cryptography's InvalidToken under another key."""
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> MultiFernet:
    return MultiFernet(
        [_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def _fernet(secret: str | bytes) -> Fernet:
    # The secret has its own entropy (production asks for 40 characters), so one hash will do.
    digest = hashlib.blake2b(force_bytes(secret), digest_size=32, person=b"second factor").digest()
    return Fernet(base64.urlsafe_b64encode(digest))
