"""Deletion of an account: requested with the password, erased after 14 days.

An anonymous row of the user remains, so that records which must stay (a moment's
place in history, an order) still have something to refer to. The handle becomes
free for somebody else.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import KnownNetwork, User
from accounts.privacy.registry import anonymise_admin_log, list_sources
from momentverse.db.functions import now_plus

logger = logging.getLogger("accounts.erasure")

GRACE_PERIOD = dt.timedelta(days=14)

CONSEQUENCES = (
    "Your name, handle, e-mail addresses, profile, password, second factors and sessions are erased.",
    "Your handle is free again: somebody else may choose it.",
)


class DeletionRefused(Exception):
    """The account cannot be deleted. The message is a sentence for its owner."""


def check_can_be_deleted(user: User) -> None:
    """Raise DeletionRefused if the site cannot do without this account.

    Inside a transaction this locks the admins' rows, so that if the last two
    admins leave at the same time, one of them is refused.
    """
    if user.is_curator:
        raise DeletionRefused("This account keeps one of the site's own collections.")
    if user.is_superuser:
        admins = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
        remaining_admins = [
            admin
            for admin in admins.select_for_update(no_key=True)
            if admin.pk != user.pk and not admin.erase_after
        ]
        if not remaining_admins:
            raise DeletionRefused(
                "You are the only admin. Make somebody else an admin first; then you may leave."
            )


def schedule_deletion(user: User, session_key: str | None) -> None:
    """Set the time of erasure, end all other sessions and notify the owner.

    Asking again does not move the time. Raises DeletionRefused.
    """
    with transaction.atomic():
        check_can_be_deleted(user)
        User.objects.filter(pk=user.pk, erase_after=None).update(erase_after=now_plus(GRACE_PERIOD))
        user.refresh_from_db(fields=["erase_after"])
        _end_sessions(UserSession.objects.filter(user=user).exclude(session_key=session_key))
    _notify(user, "accounts/mail/deletion_scheduled", reverse("account-delete"))


def cancel_deletion(user: User) -> bool:
    """Cancel a deletion that is not due yet. Return whether there was one."""
    cancelled = User.objects.filter(pk=user.pk, erase_after__gt=Now()).update(erase_after=None)
    if cancelled:
        _notify(user, "accounts/mail/deletion_cancelled", reverse("account-home"))
    return bool(cancelled)


def _notify(user: User, template: str, path: str) -> None:
    """Send a mail about something that has happened. A mail server's failure must not undo it."""
    context = {"erase_after": user.erase_after, "address": settings.SITE_URL + path}
    try:
        get_adapter().send_notification_mail(template, user, context, email=user.email)
    except OSError:
        logger.exception("mail not sent: %s, account %s", template, user.pk)


def due_for_erasure() -> list[int]:
    """Return the ids of users whose deletion is due by the database's clock."""
    waiting = User.objects.filter(erase_after__lte=Now()).order_by("erase_after")
    return list(waiting.values_list("pk", flat=True))


def erase(pk: int) -> bool:
    """Erase a user whose deletion is due. Return whether this call did it.

    One transaction is enough for nearly everybody. A source that holds very much
    data erases a part and returns True, and further transactions erase the rest.
    Each transaction locks the user's row and skips a locked one, so that of two
    simultaneous runs only one works on a user.
    """
    while True:
        with transaction.atomic():
            # Do not lock the row's key: claims that refer to it must not wait for us while we wait
            # for the locks on their days.
            user = (
                User.objects.select_for_update(no_key=True, skip_locked=True)
                .filter(pk=pk, erase_after__lte=Now())
                .first()
            )
            if user is None:
                return False
            check_can_be_deleted(user)
            remaining = [source.erase(user) for source in list_sources()]
            if not any(remaining):
                _anonymise(user)
                return True


def erase_account_data(user: User) -> bool:
    """Erase everything of the user in this app except their own row, in one call."""
    _end_sessions(UserSession.objects.filter(user=user))
    for model in (EmailAddress, Authenticator, KnownNetwork):
        rows = model.objects.filter(user=user)
        anonymise_admin_log(model, rows.values_list("pk", flat=True), [user.email])
        rows.delete()
    anonymise_admin_log(User, [user.pk])
    user.groups.clear()
    user.user_permissions.clear()
    return False


def _end_sessions(sessions: QuerySet[UserSession]) -> None:
    """End these sessions. Sessions that are not listed end when the password becomes unusable."""
    anonymise_admin_log(UserSession, sessions.values_list("pk", flat=True))
    for session in sessions:
        session.end()


def _anonymise(user: User) -> None:
    """Blank the user's row, except for the date when it was created. Nobody can log in to it."""
    name = f"erased-{secrets.token_hex(8)}"
    user.email, user.handle = f"{name}@erased.invalid", name
    user.display_name = user.bio = ""
    user.time_zone = "UTC"
    user.set_unusable_password()
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = user.erase_after = None
    user.save()
