"""A ZIP archive of all personal data that the site holds on a user."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.utils import timezone

from accounts.models import KnownNetwork, User
from accounts.privacy.registry import PersonalFile, list_sources

# Bytes. A larger archive is built on disk instead of in memory.
MAX_IN_MEMORY = 2 * 1024 * 1024

# File name, description, model, and those of its columns that are not secret.
_TABLES: tuple[tuple[str, str, type[Model], tuple[str, ...]], ...] = (
    ("emails.json", "Your e-mail addresses.", EmailAddress, ("email", "verified", "primary")),
    (
        "sessions.json",
        "Where you are signed in: address, browser, since when, last seen.",
        UserSession,
        ("ip", "user_agent", "created_at", "last_seen_at"),
    ),
    (
        "second-factors.json",
        "Your second factors: what kind, since when, last used.",
        Authenticator,
        ("type", "created_at", "last_used_at"),
    ),
    (
        "known-networks.json",
        "Networks that you have signed in from: a code for each, not its address; last used.",
        KnownNetwork,
        ("network_hash", "last_used_at"),
    ),
)

README = """\
What MomentVerse holds on @{handle}, as of {now}.

This comes from {site}. It is yours alone; keep it where nobody else reads it.
Your password and the secrets of your second factor are not in here: of the
password there is only a hash, which nobody can turn back, and secrets that
open your account do not belong in a file.

The files are JSON (UTF-8). Times are UTC and end in Z.

{files}
"""


def build_archive(user: User) -> IO[bytes]:
    """Return the archive as an open file, positioned at its start.

    Only one file of it is in memory at a time, however much data there is.
    """
    archive: IO[bytes] = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115  the response closes it
    now = timezone.now()
    timestamp = (now.year, now.month, now.day, now.hour, now.minute, now.second)
    lines = []
    with zipfile.ZipFile(archive, "w") as zipped:
        for source in list_sources():
            for file in source.export(user):
                name = f"{source.name}/{file.name}"
                _add(zipped, name, timestamp, _to_bytes(file.content))
                lines.append(f"{name}\n    {file.description}")
        readme = README.format(
            handle=user.handle,
            site=settings.SITE_URL,
            now=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            files="\n".join(lines),
        )
        _add(zipped, "README.txt", timestamp, readme.encode())
    archive.seek(0)
    return archive


def get_archive_name(user: User) -> str:
    """Return the archive's file name. A handle is safe in it: letters, digits, hyphens, underscores."""
    return f"momentverse-{user.handle}-{timezone.now():%Y-%m-%d}.zip"


def _add(
    zipped: zipfile.ZipFile,
    name: str,
    timestamp: tuple[int, int, int, int, int, int],
    content: bytes,
) -> None:
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise ValueError(f"{name!r} would leave the folder that the archive is opened in")
    entry = zipfile.ZipInfo(name, timestamp)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    zipped.writestr(entry, content)


def _to_bytes(content: object) -> bytes:
    """Return bytes unchanged, and anything else as indented JSON."""
    if isinstance(content, bytes):
        return content
    text = json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
    return text.encode() + b"\n"


def export_account(user: User) -> Iterator[PersonalFile]:
    """Yield the data of this app, without secrets and without the password's hash."""
    yield PersonalFile(
        "profile.json", "Your account and what others see of you.", _get_profile(user)
    )
    for name, description, model, fields in _TABLES:
        rows = model._default_manager.filter(user=user).order_by("pk").values(*fields)  # noqa: SLF001  public
        yield PersonalFile(name, description, list(rows))
    yield PersonalFile(
        "staff-log.json",
        "What staff has noted in the admin about your account.",
        _get_staff_log(user),
    )


def _get_profile(user: User) -> dict[str, Any]:
    fields = (
        "email", "handle", "display_name", "bio", "time_zone", "date_joined", "last_login",
        "is_staff", "is_superuser", "erase_after",
    )  # fmt: skip
    return {name: getattr(user, name) for name in fields} | {
        "groups": sorted(user.groups.values_list("name", flat=True))
    }


def _get_staff_log(user: User) -> list[dict[str, Any]]:
    """Return the admin log of the account, without the staff members' names, which are their data."""
    entries = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    ).order_by("action_time", "pk")
    return [
        {
            "at": entry.action_time,
            "action": entry.get_action_flag_display(),
            "note": entry.get_change_message(),
        }
        for entry in entries
    ]
