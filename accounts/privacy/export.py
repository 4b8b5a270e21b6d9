"""A zip of all that the site holds on one person."""

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
from accounts.privacy.registry import PersonalFile, sources

# An archive that grows beyond this is put together on disk, not in memory.
MAX_IN_MEMORY = 2 * 1024 * 1024

# File, what it holds, the model, and those of its columns that are no secret.
_ROWS: tuple[tuple[str, str, type[Model], tuple[str, ...]], ...] = (
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


def write_archive(user: User) -> IO[bytes]:
    """Return the zip, ready to be read from its beginning.

    One file at a time is in memory, however much there is.
    """
    archive: IO[bytes] = SpooledTemporaryFile(MAX_IN_MEMORY)  # noqa: SIM115  the response closes it
    now = timezone.now()
    stamp = now.timetuple()[:6]
    lines = []
    with zipfile.ZipFile(archive, "w") as zipped:
        for source in sources():
            for file in source.export(user):
                name = f"{source.name}/{file.name}"
                _add(zipped, name, stamp, _as_bytes(file.content))
                lines.append(f"{name}\n    {file.about}")
        readme = README.format(
            handle=user.handle,
            site=settings.SITE_URL,
            now=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            files="\n".join(lines),
        )
        _add(zipped, "README.txt", stamp, readme.encode())
    archive.seek(0)
    return archive


def archive_name(user: User) -> str:
    """Return the name to save the archive under; a handle is letters, digits and hyphens."""
    return f"momentverse-{user.handle}-{timezone.now():%Y-%m-%d}.zip"


def _add(zipped: zipfile.ZipFile, name: str, stamp: Any, content: bytes) -> None:
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise ValueError(f"{name!r} would leave the folder that the archive is opened in")
    entry = zipfile.ZipInfo(name, stamp)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    zipped.writestr(entry, content)


def _as_bytes(content: Any) -> bytes:
    """Return bytes as they are, anything else as JSON that people can read too."""
    if isinstance(content, bytes):
        return content
    text = json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
    return text.encode() + b"\n"


def export_account(user: User) -> Iterator[PersonalFile]:
    """Yield what accounts themselves hold. Secrets and the password's hash are left out."""
    yield PersonalFile("profile.json", "Your account and what others see of you.", _profile(user))
    for name, about, model, fields in _ROWS:
        rows = model._default_manager.filter(user=user).order_by("pk").values(*fields)  # noqa: SLF001  public
        yield PersonalFile(name, about, list(rows))
    yield PersonalFile(
        "staff-log.json", "What staff has noted in the admin about your account.", _staff_log(user)
    )


def _profile(user: User) -> dict[str, Any]:
    fields = (
        "email", "handle", "display_name", "bio", "time_zone", "date_joined", "last_login",
        "is_staff", "is_superuser", "erase_after",
    )  # fmt: skip
    return {name: getattr(user, name) for name in fields} | {
        "groups": sorted(user.groups.values_list("name", flat=True))
    }


def _staff_log(user: User) -> list[dict[str, Any]]:
    """Return the admin's log of the account itself; who of the staff it was is their own data."""
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
