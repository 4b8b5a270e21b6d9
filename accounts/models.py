"""Users, who log in by e-mail and have a public handle, and the networks they are known on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.handles import HANDLE_MAX_LENGTH, HANDLE_VALIDATORS, get_skeleton
from momentverse.timezones import validate_time_zone

_CURATORS = "@curators.invalid"


def get_curator_email(handle: str) -> str:
    """Return the address of a curator's account. It cannot receive mail, so nobody can log in."""
    return handle + _CURATORS


class UserManager(BaseUserManager["User"]):
    """Creates and finds users; e-mail addresses are compared without regard to case."""

    def create_user(
        self, email: str, handle: str, password: str | None = None, **extra: Any
    ) -> User:
        """Create a user. Without a password, nobody can log in as them."""
        user = self.model(email=email.strip().lower(), handle=handle.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, handle: str, password: str | None = None, **extra: Any
    ) -> User:
        """Create an admin with all permissions, whose e-mail address counts as verified."""
        user = self.create_user(email, handle, password, is_staff=True, is_superuser=True, **extra)
        user.mark_email_verified()
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user with this e-mail address, whatever its case."""
        return self.get(email=(username or "").strip().lower())

    def get_or_create_curator(self, handle: str, display_name: str) -> User:
        """Return the account that owns a collection of curated moments. Nobody can log in as it."""
        # Look it up by address: somebody else may have taken the handle first.
        email = get_curator_email(handle)
        user = self.filter(email=email).first()
        return user or self.create_user(email, handle, display_name=display_name)


class HandleSkeletonField(models.CharField):
    """The skeleton of the handle, so that no two users have handles that look alike.

    It is computed whenever a row is saved, also by ``bulk_create``.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = get_skeleton(model_instance.handle)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, value)
        return value


class User(AbstractBaseUser, PermissionsMixin):
    """A person, or a curator's account that owns curated moments."""

    email = models.EmailField(
        "e-mail address",
        unique=True,
        error_messages={"unique": "There is an account with this e-mail address already."},
    )
    handle = models.CharField(
        max_length=HANDLE_MAX_LENGTH,
        unique=True,
        validators=HANDLE_VALIDATORS,
        help_text="Public, part of the profile's address.",
    )
    handle_skeleton = HandleSkeletonField(max_length=HANDLE_MAX_LENGTH, unique=True, editable=False)
    display_name = models.CharField(max_length=60, blank=True)
    bio = models.TextField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    is_staff = models.BooleanField("may use the admin", default=False)
    is_active = models.BooleanField("may log in", default=True)
    # Set when the user has asked for deletion. Until this time they can change their mind.
    erase_after = models.DateTimeField(null=True, blank=True, editable=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["handle"]

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(handle=Lower("handle")), name="user_handle_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return f"@{self.handle}"

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Convert e-mail and handle to lower case before validating them."""
        self.email = self.email.strip().lower()
        self.handle = self.handle.strip().lower()
        super().clean_fields(exclude)

    def mark_email_verified(self) -> None:
        """Make the user's address their only one and mark it as verified, as log-in requires."""
        from allauth.account.models import EmailAddress

        EmailAddress.objects.filter(user=self).delete()
        EmailAddress.objects.create(user=self, email=self.email, verified=True, primary=True)

    @property
    def is_curator(self) -> bool:
        """Whether the account belongs to the site and owns a collection of curated moments."""
        return self.email.endswith(_CURATORS)

    @property
    def name(self) -> str:
        """The name that others see."""
        return self.display_name or f"@{self.handle}"


class KnownNetworkManager(models.Manager["KnownNetwork"]):
    """Remembers networks on which users have logged in, as keyed hashes and never as addresses."""

    MAX_PER_USER = 20  # networks; the most recently used ones are kept

    @staticmethod
    def hash_network(network: str) -> str:
        """Return the keyed hash of a network, which is what the table stores."""
        return salted_hmac("accounts.KnownNetwork", network, algorithm="sha256").hexdigest()

    def is_known(self, email: str, network: str) -> bool:
        """Return whether the user with this address has logged in from ``network`` before."""
        return self.filter(user__email=email, network_hash=self.hash_network(network)).exists()

    def remember(self, user: User, network: str) -> None:
        """Store that a user has logged in from ``network``; delete all but the latest ``MAX_PER_USER``."""
        self.update_or_create(
            user=user,
            network_hash=self.hash_network(network),
            defaults={"last_used_at": timezone.now()},
        )
        networks = self.filter(user=user).order_by("-last_used_at", "-pk")
        if forgotten := list(networks.values_list("pk", flat=True)[self.MAX_PER_USER :]):
            self.filter(pk__in=forgotten).delete()


class KnownNetwork(models.Model):
    """A network that a user has logged in from, where strangers elsewhere cannot lock them out."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="known_networks")
    network_hash = models.CharField(max_length=64)
    last_used_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[KnownNetworkManager] = KnownNetworkManager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "network_hash"], name="known_network_once"),
        ]

    def __str__(self) -> str:
        return f"a network of {self.user}"
