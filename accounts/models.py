"""A person: logs in by e-mail, is known to others by a handle."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.handles import HANDLE_MAX_LENGTH, HANDLE_VALIDATORS, skeleton
from momentverse.timezones import validate_time_zone

_CURATORS = "@curators.invalid"


def curator_email(handle: str) -> str:
    """Return the address of an account that nobody can log in to: no mail can reach it."""
    return handle + _CURATORS


class UserManager(BaseUserManager["User"]):
    """Makes users; e-mail addresses are compared without regard to case."""

    def create_user(
        self, email: str, handle: str, password: str | None = None, **extra: Any
    ) -> User:
        """Make and save a user; without a password nobody can log in as them."""
        user = self.model(email=email.strip().lower(), handle=handle.strip().lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, handle: str, password: str | None = None, **extra: Any
    ) -> User:
        """Make an admin who may do everything; whoever makes one vouches for the e-mail address."""
        user = self.create_user(email, handle, password, is_staff=True, is_superuser=True, **extra)
        user.vouch_for_email()
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Find by e-mail, whatever its case."""
        return self.get(email=(username or "").strip().lower())

    def curator(self, handle: str, display_name: str) -> User:
        """Return the account that owns collected moments; nobody can log in as it."""
        # By address: a person who took the handle first is not the curator.
        email = curator_email(handle)
        user = self.filter(email=email).first()
        return user or self.create_user(email, handle, display_name=display_name)


class HandleSkeletonField(models.CharField):
    """What the handle looks like, so that no two people have handles that are read as one.

    Computed when a row is written, in bulk too.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        """Take it from the handle at hand."""
        look = skeleton(model_instance.handle)  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, look)
        return look


class User(AbstractBaseUser, PermissionsMixin):
    """One person, or a curator that owns collected moments."""

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
    # Set when the person has asked for erasure: until then there is a way back.
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
        """Fold e-mail and handle to lower case, before anything looks at them."""
        self.email = self.email.strip().lower()
        self.handle = self.handle.strip().lower()
        super().clean_fields(exclude)

    def vouch_for_email(self) -> None:
        """Take the address as verified, and as the only one: log-in asks for a verified one."""
        from allauth.account.models import EmailAddress

        EmailAddress.objects.filter(user=self).delete()
        EmailAddress.objects.create(user=self, email=self.email, verified=True, primary=True)

    @property
    def is_curator(self) -> bool:
        """Whether the account keeps a collection of the site's own, and is nobody's."""
        return self.email.endswith(_CURATORS)

    @property
    def name(self) -> str:
        """The name others see."""
        return self.display_name or f"@{self.handle}"


class KnownNetworkManager(models.Manager["KnownNetwork"]):
    """Remembers where people have proved who they are; keeps a keyed hash, never an address."""

    KEPT = 20  # networks of one person, the last used ones

    @staticmethod
    def hash_of(network: str) -> str:
        """Return what stands for ``network`` in the table."""
        return salted_hmac("accounts.KnownNetwork", network, algorithm="sha256").hexdigest()

    def knows(self, email: str, network: str) -> bool:
        """Tell whether the person with this address has been on ``network`` before."""
        return self.filter(user__email=email, network_hash=self.hash_of(network)).exists()

    def remember(self, user: User, network: str) -> None:
        """Note that a person is on ``network`` now; forget what is beyond the last ``KEPT``."""
        self.update_or_create(
            user=user,
            network_hash=self.hash_of(network),
            defaults={"last_used_at": timezone.now()},
        )
        networks = self.filter(user=user).order_by("-last_used_at", "-pk")
        if forgotten := list(networks.values_list("pk", flat=True)[self.KEPT :]):
            self.filter(pk__in=forgotten).delete()


class KnownNetwork(models.Model):
    """A network that a person has logged in from: nobody elsewhere can lock them out of it."""

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
