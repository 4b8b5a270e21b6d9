"""Two-factor authentication: how its secrets are stored."""

from __future__ import annotations

import base64
import hashlib

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.encoding import force_bytes


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Stores the secrets of authenticators encrypted, so that a copied database is of no use.

    The key is derived from ``SECRET_KEY``. Secrets stored under one of
    ``SECRET_KEY_FALLBACKS`` can still be read.
    """

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted for storage."""
        return _get_cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the decrypted text. Raises cryptography's InvalidToken if no key fits."""
        return _get_cipher().decrypt(encrypted_text.encode()).decode()


def _get_cipher() -> MultiFernet:
    return MultiFernet(
        [_build_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def _build_fernet(secret: str | bytes) -> Fernet:
    # The secret has enough entropy (production requires 40 characters), so one hash is enough.
    digest = hashlib.blake2b(force_bytes(secret), digest_size=32, person=b"second factor").digest()
    return Fernet(base64.urlsafe_b64encode(digest))
