"""The registry of personal data: each app registers what it holds, for export and erasure.

An app calls ``register_source`` in its ``ready()``. So an export and an erasure
cover every app, and accounts does not need to know the other apps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q

from accounts.models import User


@dataclass(frozen=True)
class PersonalFile:
    """One file of an export."""

    name: str  # relative to its source's folder
    description: str  # one sentence for its reader
    content: object  # bytes are written unchanged; anything else becomes JSON


@dataclass(frozen=True)
class Source:
    """The personal data that one app holds."""

    name: str  # also the folder of its files in an export
    # What happens to the data when an account is erased, in sentences for its owner.
    consequences: tuple[str, ...]
    # Yields the user's own data and nobody else's, in files that fit in memory.
    export: Callable[[User], Iterator[PersonalFile]]
    # Erases a bounded amount inside the caller's transaction. Returns whether more is left.
    # Calling it again is safe: it skips what has been erased already.
    erase: Callable[[User], bool]


_sources: dict[str, Source] = {}


def register_source(source: Source) -> None:
    """Add a source. Raises ValueError if another one has its name, which is a folder's name."""
    if _sources.setdefault(source.name, source) != source:
        raise ValueError(f"personal data is registered twice as {source.name!r}")


def list_sources() -> tuple[Source, ...]:
    """Return all registered sources, sorted by name."""
    return tuple(_sources[name] for name in sorted(_sources))


def anonymise_admin_log(model: type[Model], ids: Iterable[int], names: Iterable[str] = ()) -> None:
    """Remove names and messages from the admin log of some objects. Who did what and when stays.

    ``names`` also finds the entries of objects that have been deleted, by their old name.
    """
    about = Q(object_id__in=[str(pk) for pk in ids]) | Q(object_repr__in=list(names))
    entries = LogEntry.objects.filter(about, content_type=ContentType.objects.get_for_model(model))
    entries.update(object_repr="erased", change_message="")
