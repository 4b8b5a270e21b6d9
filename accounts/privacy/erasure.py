"""Leaving: asked for with the password, 14 days with a way back, then all is erased.

What is left of an erased person is a row without anything of them, so that
what must stay (the place of a moment in history, an order) has something to
point at. Their handle is free to be chosen again.
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
from django.db.models import DateTimeField, ExpressionWrapper, QuerySet
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import KnownNetwork, User
from accounts.privacy.registry import blank_admin_log, sources

logger = logging.getLogger("accounts.erasure")

WAIT = dt.timedelta(days=14)

CONSEQUENCES = (
    "Your name, handle, e-mail addresses, profile, password, second factors and sessions are erased.",
    "Your handle is free again: somebody else may choose it.",
)


class DeletionRefused(Exception):
    """An account cannot be erased; the text is a sentence for its owner."""


def refuse_if_needed(user: User) -> None:
    """Refuse an account that the site cannot do without. Raises DeletionRefused.

    In a transaction, admins are locked: of the last two who ask at once, one is refused.
    """
    if user.is_curator:
        raise DeletionRefused("This account keeps one of the site's own collections.")
    if user.is_superuser:
        admins = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
        staying = [
            admin
            for admin in admins.select_for_update(no_key=True)
            if admin.pk != user.pk and not admin.erase_after
        ]
        if not staying:
            raise DeletionRefused(
                "You are the only admin. Make somebody else an admin first; then you may leave."
            )


def schedule(user: User, session_key: str | None) -> None:
    """Set the day of erasure, end all sessions but one, tell the owner. Raises DeletionRefused.

    Asking again does not move the day.
    """
    with transaction.atomic():
        refuse_if_needed(user)
        User.objects.filter(pk=user.pk, erase_after=None).update(
            erase_after=ExpressionWrapper(Now() + WAIT, output_field=DateTimeField())
        )
        user.refresh_from_db(fields=["erase_after"])
        _end_sessions(UserSession.objects.filter(user=user).exclude(session_key=session_key))
    _tell(user, "mail/deletion_scheduled", reverse("account-delete"))


def keep(user: User) -> bool:
    """Take the wish to leave back, if its day has not come. Returns whether there was one."""
    kept = User.objects.filter(pk=user.pk, erase_after__gt=Now()).update(erase_after=None)
    if kept:
        _tell(user, "mail/deletion_cancelled", reverse("account-home"))
    return bool(kept)


def _tell(user: User, template: str, path: str) -> None:
    """Send a mail. What it tells has happened, so a mail server that is away must not undo it."""
    context = {"erase_after": user.erase_after, "address": settings.SITE_URL + path}
    try:
        get_adapter().send_notification_mail(template, user, context, email=user.email)
    except OSError:
        logger.exception("mail not sent: %s, account %s", template, user.pk)


def due() -> list[int]:
    """Return the ids of those whose day has come, by the database's clock."""
    waiting = User.objects.filter(erase_after__lte=Now()).order_by("erase_after")
    return list(waiting.values_list("pk", flat=True))


def erase(pk: int) -> bool:
    """Erase a person whose day has come. Returns whether it was this call that did.

    One transaction, for nearly everybody: a source that holds very much on a
    person leaves a rest, which further transactions take. Each of them locks
    the person's row and passes by one that is locked, so that of two runs at
    once only one works on a person.
    """
    while True:
        with transaction.atomic():
            # Not the row's key: claims that refer to it must not wait for us while we wait for their days.
            user = (
                User.objects.select_for_update(no_key=True, skip_locked=True)
                .filter(pk=pk, erase_after__lte=Now())
                .first()
            )
            if user is None:
                return False
            refuse_if_needed(user)
            rests = [source.erase(user) for source in sources()]
            if not any(rests):
                _leave_tombstone(user)
                return True


def erase_account(user: User) -> bool:
    """Erase what accounts hold beside the person's own row; nothing is left for another call."""
    _end_sessions(UserSession.objects.filter(user=user))
    for model in (EmailAddress, Authenticator, KnownNetwork):
        rows = model.objects.filter(user=user)
        blank_admin_log(model, rows.values_list("pk", flat=True), [user.email])
        rows.delete()
    blank_admin_log(User, [user.pk])
    user.groups.clear()
    user.user_permissions.clear()
    return False


def _end_sessions(sessions: QuerySet[UserSession]) -> None:
    """End sessions; one that is not listed ends too when the password is made unusable."""
    blank_admin_log(UserSession, sessions.values_list("pk", flat=True))
    for session in sessions:
        session.end()


def _leave_tombstone(user: User) -> None:
    """Leave a row that says nothing but when an account was made, and that nobody can log in to."""
    name = f"erased-{secrets.token_hex(8)}"
    user.email, user.handle = f"{name}@erased.invalid", name
    user.display_name = user.bio = ""
    user.time_zone = "UTC"
    user.set_unusable_password()
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login = user.erase_after = None
    user.save()
