"""What the site holds on a person: each app registers its part, for export and for erasure.

An app calls ``register`` when it is ready. So an export holds everything and
an erasure forgets everything, and accounts need to know of no other app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

from accounts.models import User


@dataclass(frozen=True)
class PersonalFile:
    """One file of an export."""

    name: str  # within its source's folder
    about: str  # one sentence for the person who reads it
    content: Any  # bytes as they are; anything else becomes JSON


@dataclass(frozen=True)
class Source:
    """What one app holds on people."""

    name: str  # the folder of its files in an export
    # What becomes of it when an account is erased, in sentences for its owner.
    consequences: tuple[str, ...]
    # Yields the person's own data and nobody else's, in pieces that fit in memory.
    export: Callable[[User], Iterator[PersonalFile]]
    # Erases a bounded part, in the caller's transaction; returns whether more is left.
    # What has been erased is not touched again, so it may be called as often as one likes.
    erase: Callable[[User], bool]


_sources: dict[str, Source] = {}


def register(source: Source) -> None:
    """Add what an app holds. Its name is a folder, so there is one of each."""
    if _sources.setdefault(source.name, source) != source:
        raise ValueError(f"personal data is registered twice as {source.name!r}")


def sources() -> tuple[Source, ...]:
    """Return all that is registered, in a fixed order."""
    return tuple(_sources[name] for name in sorted(_sources))


def blank_admin_log(model: type[Model], ids: Iterable[int], words: Iterable[str] = ()) -> None:
    """Take the words out of the admin's log of some objects; who did what, and when, stays.

    ``words`` finds entries of objects that are deleted, by what they were called.
    """
    about = Q(object_id__in=[str(pk) for pk in ids]) | Q(object_repr__in=list(words))
    entries = LogEntry.objects.filter(about, content_type=ContentType.objects.get_for_model(model))
    entries.update(object_repr="erased", change_message="")
